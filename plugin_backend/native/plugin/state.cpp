#include "state.hpp"

#include <cmath>

namespace pisada {

namespace {

using juce::String;
using juce::XmlElement;

constexpr const char* slotNames[] = {"a", "b"};

// By version: the function that converts a state to the next version.
using Upgrade = void (*)(XmlElement&);
constexpr std::array<Upgrade, stateVersion - 1> upgrades{};

// Our files have no document type (so no entities) and at most two levels of elements.
bool isPlain(const String& xml) {
    int depth = 0;
    for (auto at = xml.getCharPointer(); ! at.isEmpty(); ++at) {
        if (*at == '<') {
            const auto next = at[1];
            if (next == '!')
                return false;
            depth += next == '/' ? -1 : next == '?' ? 0 : 1;
        } else if (*at == '/' && at[1] == '>') {
            --depth;
        }
        if (depth > 2)
            return false;
    }
    return true;
}

String plain(const String& text) {
    String kept;
    for (auto at = text.getCharPointer(); ! at.isEmpty() && kept.length() < 200; ++at)
        kept += *at < ' ' || *at == 127 ? (juce::juce_wchar) ' ' : *at;
    return kept;
}

juce::MemoryBlock decoded(const String& text) {
    juce::MemoryOutputStream bytes;
    if (text.getNumBytesAsUTF8() > (size_t) mostPresetBytes / 3 * 4 + 4 || ! juce::Base64::convertFromBase64(bytes, text))
        return {};
    return bytes.getMemoryBlock();
}

}  // namespace

String written(const State& state) {
    XmlElement root("pisada");
    root.setAttribute("version", stateVersion);
    root.setAttribute("kind", state.kind);
    root.setAttribute("model", state.model);
    root.setAttribute("fingerprint", state.fingerprint);
    for (const auto& [id, value] : state.values) {
        auto* element = root.createNewChildElement("parameter");
        element->setAttribute("id", id);
        element->setAttribute("value", String(value, 6));
    }
    for (size_t slot = 0; slot < state.slots.size(); ++slot) {
        const auto& chosen = state.slots[slot];
        if (chosen.file.isEmpty())
            continue;
        auto* element = root.createNewChildElement("preset");
        element->setAttribute("slot", slotNames[slot]);
        element->setAttribute("number", chosen.number);
        element->setAttribute("name", chosen.name);
        element->setAttribute("digest", chosen.digest);
        element->addTextElement(juce::Base64::toBase64(chosen.file.getData(), chosen.file.getSize()));
    }
    return root.toString(XmlElement::TextFormat().singleLine());
}

Refusal read(const void* data, int bytes, State& state) {
    const auto* text = static_cast<const char*>(data);
    if (text == nullptr || bytes < 1 || bytes > mostPresetBytes * 3)
        return {"the saved session is empty or too big: nothing was changed"};
    const auto xml = juce::CharPointer_UTF8::isValidString(text, bytes) ? String::fromUTF8(text, bytes) : String();
    const auto root = isPlain(xml) ? juce::parseXML(xml) : nullptr;
    if (root == nullptr || ! root->hasTagName("pisada"))
        return {"the saved session is damaged: nothing was changed"};
    const int version = root->getIntAttribute("version");
    if (version > stateVersion)
        return {"the session was saved by a newer Pisada (its version is " + String(version) + ", this plug-in knows "
                    + String(stateVersion) + "): nothing was changed; update Pisada",
                true};
    if (version < 1)
        return {"the saved session has no version: nothing was changed"};
    for (int from = version; from < stateVersion; ++from)
        upgrades[(size_t) from - 1](*root);

    State found;
    found.kind = plain(root->getStringAttribute("kind"));
    found.model = plain(root->getStringAttribute("model"));
    found.fingerprint = plain(root->getStringAttribute("fingerprint"));
    for (const auto* element : root->getChildWithTagNameIterator("parameter")) {
        const auto value = element->getDoubleAttribute("value");
        if (std::isfinite(value))
            found.values[element->getStringAttribute("id")] = (float) value;
    }
    for (const auto* element : root->getChildWithTagNameIterator("preset"))
        for (size_t slot = 0; slot < found.slots.size(); ++slot)
            if (element->getStringAttribute("slot") == slotNames[slot]) {
                auto file = decoded(element->getAllSubText());
                if (file.isEmpty())
                    return {"a preset in the saved session is damaged or too big: nothing was changed"};
                found.slots[slot] = {element->getIntAttribute("number"), plain(element->getStringAttribute("name")),
                                     plain(element->getStringAttribute("digest")), std::move(file)};
            }
    state = std::move(found);
    return {};
}

}  // namespace pisada
