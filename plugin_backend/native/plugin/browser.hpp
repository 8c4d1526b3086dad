// The presets: a searchable list for slot a or the morph target, and the morph between the two.
#pragma once

#include "widgets.hpp"

namespace pisada {

class Browser : public juce::Component, private juce::ListBoxModel {
 public:
    explicit Browser(Processor& processor);
    void show();  // updates bank and numbers
    void paint(juce::Graphics& g) override;
    void resized() override;

 private:
    struct Row {
        int number;
        juce::String name, sort, hint;
        bool sessions = false;
    };

    int getNumRows() override { return (int) rows_.size(); }
    void paintListBoxItem(int row, juce::Graphics& g, int width, int height, bool selected) override;
    juce::String getNameForRow(int row) override;
    juce::String getTooltipForRow(int row) override;
    void listBoxItemClicked(int row, const juce::MouseEvent&) override { choose(row); }
    void returnKeyPressed(int row) override { choose(row); }

    void turnTo(int slot);
    void fill();
    void choose(int row);
    int number(int slot) const;
    bool isChosen(const Row& row) const;

    Processor& processor_;
    int slot_ = 0;
    std::vector<Row> rows_;
    juce::ToggleButton tabs_[2];
    juce::TextEditor search_;
    juce::ListBox list_;
    Fader morph_;
    juce::String shown_;  // the status that the list shows
};

}  // namespace pisada
