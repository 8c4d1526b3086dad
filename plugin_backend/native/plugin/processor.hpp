// The plug-in as a host sees it: parameters, layouts, latency, state. The sound is the bridge's.
#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include "latency.hpp"
#include "parameter.hpp"
#include "shelf.hpp"

namespace pisada {

extern const Kind thisKind;  // which of the two plug-ins this library is
extern const char* const thisName;

class Processor : public juce::AudioProcessor, public LatencyTeller, private juce::Timer {
 public:
    Processor();
    ~Processor() override;

    Value* value(size_t index) const noexcept { return values_[index]; }  // null: the other plug-in's
    Shelf& shelf() noexcept { return shelf_; }
    Meter takeMeter() { return bridge_.takeMeter(); }
    juce::String problem();  // what the user should know, in one line; "": nothing
    void choose(int slot, int number, bool sessions);  // the bank's, or the session's of that number
    int editorWidth = 0;                // as it was left

    void prepareToPlay(double rateHz, int mostSamples) override;
    void releaseResources() override {}
    void reset() override;
    void processBlock(juce::AudioBuffer<float>& sound, juce::MidiBuffer& midi) override;
    void processBlockBypassed(juce::AudioBuffer<float>& sound, juce::MidiBuffer& midi) override;
    juce::AudioProcessorParameter* getBypassParameter() const override { return value(tables::index_bypass); }
    bool isBusesLayoutSupported(const BusesLayout& layout) const override;
    double getTailLengthSeconds() const override;

    void getStateInformation(juce::MemoryBlock& into) override;
    void setStateInformation(const void* data, int bytes) override;

    const juce::String getName() const override { return thisName; }
    bool acceptsMidi() const override { return thisKind == Kind::instrument; }
    bool producesMidi() const override { return false; }
    int getNumPrograms() override { return 1; }
    int getCurrentProgram() override { return 0; }
    void setCurrentProgram(int) override {}
    const juce::String getProgramName(int) override { return "Default"; }
    void changeProgramName(int, const juce::String&) override {}
    bool hasEditor() const override { return true; }
    juce::AudioProcessorEditor* createEditor() override;

 private:
    static BusesProperties buses();
    void timerCallback() override;
    bool prepare(double rateHz, int mostSamples, int waitForHelloMs);
    void play(juce::AudioBuffer<float>& sound, const juce::MidiBuffer& midi, bool bypass);
    void showFailed(bool failed);
    std::map<juce::String, float> currentValues() const;

    static constexpr int mostEvents = (int) (tables::slots * tables::mostEvents);  // of a block: a whole ring's

    Bridge bridge_{thisKind};
    Shelf shelf_{bridge_};
    std::array<Value*, tables::parameterCount> values_{};  // the base class owns them
    std::array<MidiEvent, mostEvents> events_;
    std::recursive_mutex ticking_;  // a host may run its loop in what we call
    std::mutex preparing_;  // hosts prepare in any thread
    std::atomic<bool> unheard_{false};  // the backend had said nothing yet when we were prepared
    unsigned shown_ = 0;      // the words of the backend that were looked at,
    std::string shownNames_;  // and the names that the host has from them

    std::mutex mutex_;  // of what follows
    juce::String refusal_, unkept_, savedModel_, savedFingerprint_;
    juce::MemoryBlock refused_;  // a newer version's: given back as it came, as long as nothing is changed
    std::map<juce::String, float> refusedAt_;
};

}  // namespace pisada
