#include "latency_reporter.hpp"

#include <pluginterfaces/vst/ivsteditcontroller.h>

namespace pisada {

namespace {

bool hostHasNoLoop() {
    using juce::File;
    static const bool none = File::getSpecialLocation(File::hostApplicationPath).getFileName().startsWith("python");
    return none;
}

}  // namespace

void LatencyReporter::reportLatency() {
    using namespace Steinberg::Vst;
    if (handler_ != nullptr && hostHasNoLoop())
        static_cast<IComponentHandler*>(handler_)->restartComponent(kLatencyChanged);  // it was set as this type
}

}  // namespace pisada
