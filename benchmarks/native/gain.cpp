// The least that JUCE calls a plug-in: one parameter, multiplied.
#include <juce_audio_processors/juce_audio_processors.h>

class Gain : public juce::AudioProcessor {
public:
    Gain()
        : AudioProcessor(BusesProperties()
                             .withInput("Input", juce::AudioChannelSet::stereo())
                             .withOutput("Output", juce::AudioChannelSet::stereo())) {
        addParameter(gain = new juce::AudioParameterFloat({"gain", 1}, "Gain", 0.0f, 2.0f, 1.0f));
    }

    void processBlock(juce::AudioBuffer<float>& sound, juce::MidiBuffer&) override { sound.applyGain(gain->get()); }

    const juce::String getName() const override { return "Gain"; }
    void prepareToPlay(double, int) override {}
    void releaseResources() override {}
    double getTailLengthSeconds() const override { return 0.0; }
    bool acceptsMidi() const override { return false; }
    bool producesMidi() const override { return false; }
    juce::AudioProcessorEditor* createEditor() override { return new juce::GenericAudioProcessorEditor(*this); }
    bool hasEditor() const override { return true; }
    int getNumPrograms() override { return 1; }
    int getCurrentProgram() override { return 0; }
    void setCurrentProgram(int) override {}
    const juce::String getProgramName(int) override { return {}; }
    void changeProgramName(int, const juce::String&) override {}
    void getStateInformation(juce::MemoryBlock&) override {}
    void setStateInformation(const void*, int) override {}

private:
    juce::AudioParameterFloat* gain;
};

juce::AudioProcessor* JUCE_CALLTYPE createPluginFilter() { return new Gain; }
