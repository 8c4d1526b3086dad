#include "parameter.hpp"

#include <cmath>

namespace pisada {

namespace {

using tables::Sort;

double grid(const tables::Parameter& row) {
    return row.sort != Sort::continuous ? 1 : row.high > 100 ? 0.001 : 0.0001;
}

float onGrid(const tables::Parameter& row, double value) {
    const double steps = 1 / grid(row);
    return (float) juce::jlimit((double) row.low, (double) row.high, std::round(value * steps) / steps);
}

// Times and rates have a logarithmic scale: the middle of the range is where they are mostly used.
double bend(const tables::Parameter& row) {
    const juce::String unit(row.unit);
    const double middle = unit == "ms" ? 0.1 : unit == "Hz" ? 0.1 : 0.5;
    return std::log(0.5) / std::log(middle);
}

juce::NormalisableRange<float> rangeOf(const tables::Parameter& row) {
    const double low = row.low, wide = (double) row.high - row.low, power = bend(row);
    return {row.low, row.high,
            [=, &row](float, float, float p) { return onGrid(row, low + wide * std::pow((double) p, 1 / power)); },
            [=](float, float, float v) { return (float) std::pow(juce::jlimit(0.0, 1.0, (v - low) / wide), power); },
            [&row](float, float, float v) { return onGrid(row, v); }};
}

juce::AudioProcessorParameterWithIDAttributes attributesOf(const tables::Parameter& row) {
    juce::AudioProcessorParameterWithIDAttributes attributes;
    if (row.sort == Sort::reading)
        attributes = attributes.withCategory(juce::AudioProcessorParameter::otherMeter);
    return attributes.withLabel(row.unit);
}

}  // namespace

Value::Value(const tables::Parameter& row, Named named)
    : RangedAudioParameter(juce::ParameterID(row.id, 1), row.name, attributesOf(row)),
      row_(row), named_(std::move(named)), range_(rangeOf(row)), value_(row.initial) {}

void Value::set(float value) { setValueNotifyingHost(convertTo0to1(value)); }

void Value::setValue(float proportion) {
    // A host may pass any value.
    const float sane = std::isfinite(proportion) ? juce::jlimit(0.0f, 1.0f, proportion) : getDefaultValue();
    value_.store(range_.convertFrom0to1(sane), std::memory_order_relaxed);
}

// JUCE 7 reports every step of a discrete parameter to LV2, with positions as if all ranges were 0 to 1.
bool Value::isDiscrete() const {
    const bool lv2 = juce::PluginHostType::getPluginLoadedAs() == juce::AudioProcessor::wrapperType_LV2;
    return row_.sort != Sort::continuous && ! (lv2 && row_.high - row_.low > 1);
}

int Value::getNumSteps() const {
    return row_.sort == Sort::continuous ? juce::AudioProcessor::getDefaultNumParameterSteps()
                                         : (int) (row_.high - row_.low) + 1;
}

juce::String Value::shown(float value) const {
    switch (row_.sort) {
        case Sort::continuous:
            return juce::String(value, row_.high > 100 ? 1 : row_.high > 1 ? 2 : 3);
        case Sort::whole: {
            const int number = juce::roundToInt(value);
            const auto name = named_ ? named_(number) : juce::String();
            return name.isEmpty() ? juce::String(number) : juce::String(number) + " " + name;
        }
        case Sort::reading:
            return value >= 0.5f ? "failed" : "no";
        case Sort::switched:
            break;
    }
    return value >= 0.5f ? "on" : "off";
}

juce::String Value::getText(float proportion, int longest) const {
    const auto text = shown(convertFrom0to1(juce::jlimit(0.0f, 1.0f, proportion)));
    return longest > 0 ? text.substring(0, longest) : text;
}

float Value::getValueForText(const juce::String& text) const {
    const auto plain = text.trim();
    if (named_ && ! plain.containsOnly("0123456789")) {
        for (int number = (int) row_.low; number <= (int) row_.high; ++number)
            if (named_(number).equalsIgnoreCase(plain))
                return convertTo0to1((float) number);
        return juce::CharacterFunctions::isDigit(plain[0]) ? convertTo0to1((float) plain.getIntValue()) : getValue();
    }
    if (row_.sort == Sort::switched || row_.sort == Sort::reading)
        return plain.equalsIgnoreCase("on") || plain.equalsIgnoreCase("failed") || plain.getFloatValue() >= 0.5f;
    if (plain.equalsIgnoreCase("-inf"))
        return 0;
    return plain.containsAnyOf("0123456789") ? convertTo0to1(plain.getFloatValue()) : getValue();  // otherwise unchanged
}

}  // namespace pisada
