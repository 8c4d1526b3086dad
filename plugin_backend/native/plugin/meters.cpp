#include "meters.hpp"

#include <cmath>

namespace pisada {

namespace {

constexpr float lowest = -60, highest = 6, fallDb = 1.2f;
constexpr int holdFrames = 30;

float proportion(float db) { return juce::jlimit(0.0f, 1.0f, (db - lowest) / (highest - lowest)); }

}  // namespace

Meters::Meters(bool withInput) : withInput_(withInput) {
    if (withInput)
        bars_.push_back({"In", lowest, lowest, 0});
    bars_.push_back({"Out", lowest, lowest, 0});
    setTitle("Meters");
    setTooltip("Sample peaks in dBFS; red above 0.");
}

void Meters::show(float inPeak, float outPeak) {
    for (size_t index = 0; index < bars_.size(); ++index) {
        auto& bar = bars_[index];
        const float peak = withInput_ && index == 0 ? inPeak : outPeak;
        const float db = ! std::isfinite(peak) ? highest : peak > 0 ? juce::jmax(lowest, 20 * std::log10(peak)) : lowest;
        bar.db = juce::jmax(db, bar.db - fallDb, lowest);
        if (db >= bar.heldDb || --bar.held < 0) {
            bar.heldDb = db;
            bar.held = holdFrames;
        }
    }
    repaint();
}

void Meters::paint(juce::Graphics& g) {
    g.setColour(colours::panel);
    g.fillRoundedRectangle(getLocalBounds().toFloat(), 6);
    auto area = getLocalBounds().reduced(10, 10);
    const int each = area.getWidth() / (int) bars_.size();
    for (const auto& bar : bars_) {
        auto mine = area.removeFromLeft(each);
        g.setFont(font(13));
        g.setColour(colours::dim);
        g.drawText(bar.name, mine.removeFromTop(18), juce::Justification::centred);
        g.setColour(bar.heldDb > 0 ? colours::bad : colours::text);
        g.setFont(font(12));
        const auto backendStatus = bar.heldDb > lowest ? juce::String(bar.heldDb, 1) : juce::String("-inf");
        g.drawText(backendStatus, mine.removeFromBottom(16), juce::Justification::centred);
        const auto groove = mine.withSizeKeepingCentre(12, mine.getHeight() - 4).toFloat();
        g.setColour(colours::groove);
        g.fillRoundedRectangle(groove, 2);
        const auto upTo = [&](float db) { return groove.getBottom() - proportion(db) * groove.getHeight(); };
        const auto fill = [&](float from, float to, juce::Colour colour) {
            g.setColour(colour);
            if (bar.db > from)
                g.fillRect(groove.withTop(upTo(juce::jmin(to, bar.db))).withBottom(upTo(from)));
        };
        fill(lowest, -12, colours::good);
        fill(-12, 0, colours::warn);
        fill(0, highest, colours::bad);
        g.setColour(colours::text);
        if (bar.heldDb > lowest)
            g.fillRect(groove.withTop(upTo(bar.heldDb) - 1).withHeight(1.5f));
    }
}

}  // namespace pisada
