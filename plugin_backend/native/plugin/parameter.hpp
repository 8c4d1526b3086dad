// A parameter of the table, stored in its unit.
#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

#include <atomic>
#include <functional>

#include "pisada_tables.h"

namespace pisada {

class Value : public juce::RangedAudioParameter {
 public:
    // Returns the name of a preset's number; "": no name. Null: the values are not preset numbers.
    using Named = std::function<juce::String(int)>;

    Value(const tables::Parameter& row, Named named);

    // In its unit, on an inaudibly fine grid (0.0001; 0.001 beyond 100): hosts pass floats from
    // 0 to 1, and an output gain of 0 dB or a bias of 0.3 must come out exactly.
    float get() const noexcept { return value_.load(std::memory_order_relaxed); }
    void set(float value);  // notifies the host

    const tables::Parameter& row() const noexcept { return row_; }
    juce::String shown(float value) const;

    const juce::NormalisableRange<float>& getNormalisableRange() const override { return range_; }
    float getValue() const override { return range_.convertTo0to1(get()); }
    void setValue(float proportion) override;
    float getDefaultValue() const override { return range_.convertTo0to1(row_.initial); }
    int getNumSteps() const override;
    bool isDiscrete() const override;
    juce::StringArray getAllValueStrings() const override { return {}; }  // the bank's names can change
    bool isBoolean() const override { return row_.sort == tables::Sort::switched; }
    bool isAutomatable() const override { return row_.sort != tables::Sort::reading; }
    juce::String getText(float proportion, int longest) const override;
    float getValueForText(const juce::String& text) const override;

 private:
    const tables::Parameter& row_;
    Named named_;
    juce::NormalisableRange<float> range_;
    std::atomic<float> value_;
};

}  // namespace pisada
