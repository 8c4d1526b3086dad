// The only difference between the two plug-ins: everything else is compiled once.
#include "../processor.hpp"

namespace pisada {

const Kind thisKind = JucePlugin_IsSynth ? Kind::instrument : Kind::effect;
const char* const thisName = JucePlugin_Name;

}  // namespace pisada

juce::AudioProcessor* JUCE_CALLTYPE createPluginFilter() { return new pisada::Processor(); }
