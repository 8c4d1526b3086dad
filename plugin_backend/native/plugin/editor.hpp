// The window: laid out once at one size and scaled as a whole. It needs no display until it is shown.
#pragma once

#include "browser.hpp"
#include "controls.hpp"
#include "meters.hpp"
#include "status.hpp"
#include "latent_strips.hpp"
#include "xy_pad.hpp"

namespace pisada {

class Editor : public juce::AudioProcessorEditor, private juce::Timer {
 public:
    explicit Editor(Processor& processor);
    ~Editor() override;
    void paint(juce::Graphics& g) override { g.fillAll(colours::ground); }
    void resized() override;

 private:
    void timerCallback() override;
    void arrange();

    Processor& mine_;
    Look look_;
    juce::Component content_;
    Header header_;
    Banner banner_;
    Browser browser_;
    Strips strips_;
    Controls character_, controls_;
    std::unique_ptr<XyPanel> pad_;  // of the instrument
    Meters meters_;
    StatusLine line_;
    juce::TooltipWindow tooltips_{&content_, 600};
};

}  // namespace pisada
