// The backend's status: a word at the top, a line if there is a problem, numbers at the bottom.
#pragma once

#include "widgets.hpp"

namespace pisada {

struct Standing {
    juce::String word, problem, advice;  // problem "": none
    juce::Colour colour;
};

Standing standing(Processor& processor, const Meter& meter);

class Header : public juce::Component {
 public:
    explicit Header(Processor& processor);
    void show(const Standing& standing);
    void paint(juce::Graphics& g) override;
    void resized() override;

 private:
    Processor& processor_;
    Standing standing_;
    Switch bypass_;
};

class Banner : public juce::Component, public juce::SettableTooltipClient {
 public:
    void show(const Standing& standing);
    void paint(juce::Graphics& g) override;

 private:
    Standing standing_;
};

class StatusLine : public juce::Component, public juce::SettableTooltipClient {
 public:
    StatusLine();
    void show(const Meter& meter, double rateHz);
    void paint(juce::Graphics& g) override;

 private:
    juce::StringArray cells_;
    bool late_ = false;
};

}  // namespace pisada
