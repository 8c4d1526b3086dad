#include "browser.hpp"

namespace pisada {

namespace {

using juce::String;
using namespace colours;

constexpr size_t indices[] = {tables::index_preset, tables::index_preset_b};
const juce::Colour slotColours[] = {accent, second};

bool matches(const juce::StringArray& words, const String& text) {
    return std::all_of(words.begin(), words.end(), [&](auto& word) { return text.containsIgnoreCase(word); });
}

}  // namespace

Browser::Browser(Processor& processor)
    : processor_(processor),
      morph_(*processor.value(tables::index_morph), juce::Slider::LinearHorizontal, 60) {
    for (int slot = 0; slot < 2; ++slot) {
        const auto& row = tables::parameters[indices[slot]];
        tabs_[slot].setButtonText(row.name);
        tabs_[slot].setTooltip(String(row.name) + ": " + row.doc);
        tabs_[slot].setColour(juce::ToggleButton::tickColourId, slotColours[slot]);
        tabs_[slot].onClick = [this, slot] { turnTo(slot); };
        addAndMakeVisible(tabs_[slot]);
    }
    search_.setTextToShowWhenEmpty("Search", dim);
    search_.setTitle("Search presets");
    search_.setFont(font(15));
    search_.setIndents(8, 5);
    search_.onTextChange = [this] { fill(); };
    search_.onReturnKey = [this] {
        const juce::StringArray words = juce::StringArray::fromTokens(search_.getText(), false);
        if (! words.isEmpty() && ! rows_.empty()) choose(0);
    };
    search_.onEscapeKey = [this] { search_.setText({}); };
    addAndMakeVisible(search_);
    list_.setModel(this);
    list_.setTitle("Presets");
    list_.setRowHeight(24);
    list_.setOutlineThickness(1);
    addAndMakeVisible(list_);
    morph_.setColour(juce::Slider::trackColourId, second);
    addAndMakeVisible(morph_);
    turnTo(0);
}

int Browser::number(int slot) const { return (int) processor_.value(indices[slot])->get(); }

void Browser::turnTo(int slot) {
    slot_ = slot;
    for (int each = 0; each < 2; ++each)
        tabs_[each].setToggleState(each == slot, juce::dontSendNotification);
    fill();
    for (int row = 0; row < getNumRows(); ++row)
        if (isChosen(rows_[(size_t) row]))
            list_.selectRow(row);
}

bool Browser::isChosen(const Row& row) const {
    const int now = number(slot_);
    return row.number == now && row.sessions == processor_.presetList().isSessions(slot_, now);
}

void Browser::show() {
    const auto now = String(processor_.presetList().backendStatus()->serial) + " " + String(number(0)) + " " + String(number(1)) + " "
                     + String(processor_.presetList().sessions(slot_));
    if (now != shown_) {
        shown_ = now;
        fill();
        repaint();
    }
}

void Browser::fill() {
    auto& presetList = processor_.presetList();
    const auto words = juce::StringArray::fromTokens(search_.getText(), false);
    rows_.clear();
    const auto add = [&](Row row) {
        if (matches(words, row.name + " " + row.sort + " " + row.hint)) rows_.push_back(std::move(row));
    };
    if (words.isEmpty())
        add({0, "none", {}, slot_ || thisKind == Kind::instrument ? "No preset" : "Only the model; Bypass plays the input"});
    const int own = presetList.sessions(slot_);
    const auto kept = own > 0 ? presetList.kept(slot_, own) : Chosen();
    if (own > 0)
        add({own, kept.name, "session's", "Saved with the session", true});
    for (const auto& preset : presetList.backendStatus()->bank) {
        const auto text = [](const std::string& bytes) { return String::fromUTF8(bytes.c_str()); };
        if (preset.number != own || text(preset.digest) != kept.digest)
            add({preset.number, text(preset.name), text(preset.sort), text(preset.description)});
    }
    list_.updateContent();
    list_.repaint();
}

void Browser::choose(int row) {
    if (juce::isPositiveAndBelow(row, getNumRows()))
        processor_.choose(slot_, rows_[(size_t) row].number, rows_[(size_t) row].sessions);
    show();
}

String Browser::getNameForRow(int row) {
    return juce::isPositiveAndBelow(row, getNumRows()) ? rows_[(size_t) row].name : String();
}

String Browser::getTooltipForRow(int row) {
    return juce::isPositiveAndBelow(row, getNumRows()) ? rows_[(size_t) row].hint : String();
}

void Browser::paintListBoxItem(int row, juce::Graphics& g, int width, int height, bool selected) {
    if (! juce::isPositiveAndBelow(row, getNumRows()))
        return;
    const auto& mine = rows_[(size_t) row];
    const bool chosen = isChosen(mine);
    auto area = juce::Rectangle<int>(width, height);
    if (chosen || selected) {
        g.setColour(chosen ? slotColours[slot_].withAlpha(0.22f) : groove.withAlpha(0.6f));
        g.fillRect(area);
    }
    if (chosen) {
        g.setColour(slotColours[slot_]);
        g.fillRect(area.withWidth(3));
    }
    if (selected && list_.hasKeyboardFocus(true)) {
        g.setColour(text.withAlpha(0.8f));
        g.drawRect(area, 1);
    }
    area.reduce(8, 0);
    g.setColour(dim);
    g.setFont(font(12));
    g.drawText(mine.number ? String(mine.number) : String(), area.removeFromLeft(26), juce::Justification::centredLeft);
    g.drawText(mine.sort, area.removeFromRight(56), juce::Justification::centredRight);
    g.setColour(text);
    g.setFont(font(15));
    g.drawText(mine.name, area, juce::Justification::centredLeft, true);
}

void Browser::paint(juce::Graphics& g) {
    g.setColour(panel);
    g.fillRoundedRectangle(getLocalBounds().toFloat(), 6);
    auto names = getLocalBounds().reduced(10).removeFromBottom(62).removeFromTop(18);
    g.setFont(font(13));
    for (int slot = 0; slot < 2; ++slot) {
        const auto name = processor_.presetList().nameOf(slot, number(slot));
        g.setColour(slotColours[slot]);
        g.drawText(name.isEmpty() ? String(number(slot)) : name,
                   slot == 0 ? names.removeFromLeft(names.getWidth() / 2) : names,
                   slot == 0 ? juce::Justification::centredLeft : juce::Justification::centredRight, true);
    }
}

void Browser::resized() {
    auto area = getLocalBounds().reduced(10);
    auto tabs = area.removeFromTop(26);
    tabs_[0].setBounds(tabs.removeFromLeft(tabs.getWidth() / 2).withTrimmedRight(2));
    tabs_[1].setBounds(tabs.withTrimmedLeft(2));
    search_.setBounds(area.withTrimmedTop(8).removeFromTop(28));
    morph_.setBounds(area.removeFromBottom(44));
    area.removeFromBottom(18);
    list_.setBounds(area.withTrimmedTop(42).withTrimmedBottom(6));
}

}  // namespace pisada
