#include "editor.hpp"

namespace pisada {

namespace {

constexpr int width = 1060, height = 640, gap = 10, rowHeight = 126, padWidth = 260;

}  // namespace

Editor::Editor(Processor& processor)
    : AudioProcessorEditor(processor), mine_(processor), header_(processor), browser_(processor), strips_(processor),
      character_(processor, "Axes and modes",
                 {tables::index_axis_brightness, tables::index_axis_weight, tables::index_axis_warmth,
                  tables::index_axis_presence, tables::index_ring_gain_db, tables::index_ring_pitch_semitones,
                  tables::index_ring_size, tables::index_ring_damping}),
      controls_(processor, "Controls",
                {tables::index_mix, tables::index_strength, tables::index_blend, tables::index_follow,
                 tables::index_smooth_ms, tables::index_lfo_depth, tables::index_lfo_rate_hz, tables::index_gain_db,
                 tables::index_seed}),
      meters_(thisKind == Kind::effect) {
    const int left = mine_.editorWidth > 0 ? mine_.editorWidth : width;
    addAndMakeVisible(content_);
    for (auto* part : std::initializer_list<juce::Component*>{&header_, &browser_, &strips_, &character_, &controls_, &meters_, &line_})
        content_.addAndMakeVisible(part);
    if (thisKind == Kind::instrument)
        content_.addAndMakeVisible(*(pad_ = std::make_unique<XyPanel>(processor)));
    content_.addChildComponent(banner_);
    content_.setBounds(0, 0, width, height);
    setResizable(true, true);
    setResizeLimits(width * 3 / 4, height * 3 / 4, width * 3, height * 3);
    getConstrainer()->setFixedAspectRatio((double) width / height);
    setLookAndFeel(&look_);
    timerCallback();
    arrange();
    setSize(left, left * height / width);
    startTimerHz(25);
}

Editor::~Editor() {
    stopTimer();
    setLookAndFeel(nullptr);
}

void Editor::timerCallback() {
    const auto meter = mine_.takeMeter();
    const auto now = standing(mine_, meter);
    header_.show(now);
    banner_.show(now);
    if (banner_.isVisible() != now.problem.isNotEmpty()) {
        banner_.setVisible(now.problem.isNotEmpty());
        arrange();
    }
    browser_.show();
    strips_.show(mine_.presetList().backendStatus()->latents);
    meters_.show(meter.inPeak, meter.outPeak);
    line_.show(meter, mine_.getSampleRate());
}

void Editor::arrange() {
    auto area = content_.getLocalBounds().reduced(gap);
    header_.setBounds(area.removeFromTop(36));
    line_.setBounds(area.removeFromBottom(20));
    area.removeFromBottom(gap / 2);
    if (banner_.isVisible())
        banner_.setBounds(area.withTrimmedTop(gap / 2).removeFromTop(42)), area.removeFromTop(42 + gap / 2);
    area.removeFromTop(gap / 2);
    browser_.setBounds(area.removeFromLeft(256));
    area.removeFromLeft(gap);
    auto bottom = area.removeFromBottom(rowHeight);
    area.removeFromBottom(gap);
    character_.setBounds(area.removeFromBottom(rowHeight - 20));
    area.removeFromBottom(gap);
    strips_.setBounds(area);
    meters_.setBounds(bottom.removeFromRight(thisKind == Kind::effect ? 116 : 68));
    bottom.removeFromRight(gap);
    if (pad_ != nullptr)
        pad_->setBounds(bottom.removeFromRight(padWidth)), bottom.removeFromRight(gap);
    controls_.setBounds(bottom);
}

void Editor::resized() {
    content_.setTransform(juce::AffineTransform::scale((float) getWidth() / width));
    mine_.editorWidth = getWidth();
}

}  // namespace pisada
