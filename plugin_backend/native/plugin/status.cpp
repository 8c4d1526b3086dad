#include "status.hpp"

namespace pisada {

namespace {

using juce::String;
using namespace colours;

struct Row {
    const char *word, *advice;
    juce::Colour colour;
};

// By BackendStatus::State.
const Row rows[] = {
    {"starting", "You hear the dry input until the engine is ready.", warn},
    {"ready", "", good},
    {"failed", "You hear the dry input. Run `pisada plugin doctor`.", bad},
    {"lost, starting again", "You hear the dry input until the engine runs again.", warn},
};

}  // namespace

Standing standing(Processor& processor, const Meter& meter) {
    const auto& row = rows[(size_t) processor.presetList().backendStatus()->state];
    Standing now{row.word, processor.problem(), row.advice, row.colour};
    if (meter.offlineFailed)
        return {"render failed", "the backend stopped during an offline render: do not use its result", "Render again.", bad};
    if (thisKind == Kind::instrument)
        now.advice = now.advice.replace("You hear the dry input", "The output is silent");
    return now;
}

Header::Header(Processor& processor)
    : processor_(processor), bypass_(*processor.value(tables::index_bypass), "Bypass", second) {
    addAndMakeVisible(bypass_);
}

void Header::show(const Standing& standing) {
    if (standing_.word != standing.word || standing_.problem != standing.problem)
        repaint();
    standing_ = standing;
}

void Header::paint(juce::Graphics& g) {
    auto area = getLocalBounds().withTrimmedRight(96);
    const auto name = font(24, true);
    g.setColour(text);
    g.setFont(name);
    g.drawText(thisName, area.removeFromLeft(name.getStringWidth(thisName) + 24).withTrimmedLeft(4),
               juce::Justification::centredLeft);
    const auto backendStatus = processor_.presetList().backendStatus();
    const auto word = font(15, true);
    auto pill = area.removeFromRight(word.getStringWidth(standing_.word) + 40);
    g.setColour(standing_.colour);
    g.fillEllipse(pill.removeFromLeft(20).toFloat().withSizeKeepingCentre(10, 10));
    g.setFont(word);
    g.drawText(standing_.word, pill, juce::Justification::centredLeft);
    if (! backendStatus->model.empty()) {
        g.setColour(dim);
        g.setFont(font(14));
        g.drawText("model " + String::fromUTF8(backendStatus->model.c_str()) + " "
                       + String::fromUTF8(backendStatus->fingerprint.c_str()).substring(0, 8),
                   area, juce::Justification::centredLeft, true);
    }
}

void Header::resized() { bypass_.setBounds(getLocalBounds().removeFromRight(88).withSizeKeepingCentre(88, 26)); }

void Banner::show(const Standing& standing) {
    const auto& was = standing_;
    if (was.problem == standing.problem && was.advice == standing.advice && was.colour == standing.colour)
        return;
    standing_ = standing;
    setTooltip(standing.problem);
    setTitle(standing.problem + " " + standing.advice);
    repaint();
}

void Banner::paint(juce::Graphics& g) {
    const auto colour = standing_.colour == good ? warn : standing_.colour;
    g.setColour(colour.withAlpha(0.16f));
    g.fillRoundedRectangle(getLocalBounds().toFloat(), 4);
    g.setColour(colour);
    g.fillRect(getLocalBounds().withWidth(4));
    auto area = getLocalBounds().reduced(12, 3);
    g.setColour(text);
    g.setFont(font(14));
    auto first = area;
    if (standing_.advice.isNotEmpty()) {
        first = area.removeFromTop(area.getHeight() / 2);
        g.setColour(dim);
        g.drawText(standing_.advice, area, juce::Justification::centredLeft, true);
    }
    g.setColour(text);
    g.drawFittedText(standing_.problem, first, juce::Justification::centredLeft, 1, 0.7f);
}

StatusLine::StatusLine() {
    setTooltip("The latency that the host compensates; the engine's time for a hop; late hops, which play the dry input, "
               "of all hops since playback began; how often the backend was restarted.");
}

void StatusLine::show(const Meter& meter, double rateHz) {
    const juce::StringArray cells{
        "Latency " + String(meter.latencySamples) + " samples"
            + (rateHz > 0 ? ", " + String(1000 * meter.latencySamples / rateHz, 1) + " ms" : String()),
        String(meter.hopMs, 2) + " ms a hop",
        String((juce::int64) meter.lateHops) + " late of " + String((juce::int64) meter.hops) + " hops",
        meter.restarts == 0 ? String() : String(meter.restarts) + (meter.restarts == 1 ? " restart" : " restarts"),
    };
    if (cells != cells_) {
        cells_ = cells;
        late_ = meter.lateHops > 0;
        setTitle(cells_.joinIntoString("; "));
        repaint();
    }
}

void StatusLine::paint(juce::Graphics& g) {
    auto area = getLocalBounds().reduced(6, 0);
    g.setFont(font(13));
    for (const auto& cell : cells_) {
        if (cell.isEmpty())
            continue;
        g.setColour(late_ && cell.contains(" late of ") ? warn : dim);
        g.drawText(cell, area.removeFromLeft(juce::jmax(130, font(13).getStringWidth(cell) + 28)),
                   juce::Justification::centredLeft);
    }
}

}  // namespace pisada
