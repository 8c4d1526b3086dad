// A bridge's hops, from the audio thread: filled, sent, waited for offline, heard.
#include <algorithm>
#include <cstdio>
#include <ctime>

#include "inside.hpp"

namespace pisada {
namespace {

void nap() {
    const timespec pause{0, 1000000};
    ::nanosleep(&pause, nullptr);
}

}  // namespace

// The next sample is the first of a sound; a hop that is not full is left.
void Bridge::Inside::restart() {
    first = now;
    fill = 0;
    ++epoch;
    reset = true;
    begun = settled = mute = false;
    fallback.reset();
}

void Bridge::Inside::begin(bool connected) {
    if (begun) return;
    begun = true;
    if (!connected) return;
    slot(now).inTag().exchange(0, std::memory_order_acq_rel);  // who still reads what was here sees that it changes
    slot(now).eventCount() = 0;
}

// Messages at samples from…to of the block; those outside of it count as at its first or last.
void Bridge::Inside::collect(const MidiEvent* events, int count, int from, int to, int last) {
    Slot into = slot(now);
    for (int i = 0; i < count; ++i) {
        const MidiEvent& event = events[i];
        const int at = std::clamp(event.sample, 0, last);
        if (at < from || at >= to) continue;
        if (into.eventCount() == tables::mostEvents || event.count < 1 || event.count > 3) {
            if (dropped.fetch_add(1, std::memory_order_relaxed) == 0) ownSerial.fetch_add(1);
            continue;
        }
        into.events()[into.eventCount()++] = {static_cast<std::uint32_t>(fill + at - from), event.count,
                                              {event.data[0], event.data[1], event.data[2]}};
    }
}

// Offline the backend hears, before the hop, whatever it was told before: a preset that was given, above all.
void Bridge::Inside::submit(bool offline) {
    Slot full = slot(now);
    for (const std::uint64_t since = nowNs(); offline && !backend->allSaid() && nowNs() - since < patience;) nap();
    sent[now % tables::slots] = {offline, memory->state().load(std::memory_order_acquire) == tables::stateReady,
                                 instance->lost.load(std::memory_order_acquire)};
    full.epoch() = epoch;
    full.flags() = (offline ? tables::flagOffline : 0) | (reset ? tables::flagReset : 0);
    full.positionSamples() = static_cast<std::int64_t>(now - first) * hop;
    full.submittedNs() = nowNs();
    full.inTag().store(now + 1, std::memory_order_release);
    memory->submitted().store(static_cast<std::uint32_t>(now + 1), std::memory_order_release);
    bell->ring();
    reset = false;
}

// Whether no answer can come any more.
bool Bridge::Inside::hopeless(Failure& why) const {
    why = !memory || !backend->ours() || instance->unusable.load() || backend->hopeless() ? Failure::none_there
          : memory->state().load(std::memory_order_acquire) == tables::stateFailed        ? Failure::refused
                                                                                          : Failure::none;
    return why != Failure::none;
}

// Before an offline render's first hop: there is an engine. It is no failure that an earlier one died.
bool Bridge::Inside::settle() {
    for (const std::uint64_t since = nowNs();;) {
        Failure why;
        if (hopeless(why)) return fail(why), false;
        lostBefore = instance->lost.load(std::memory_order_acquire);
        if (memory->state().load(std::memory_order_acquire) == tables::stateReady &&
            instance->lost.load(std::memory_order_acquire) == lostBefore)
            return true;
        if (nowNs() - since > patience) return fail(Failure::silent), false;
        nap();
    }
}

// Whether there is an answer to what is to be heard now, where it lies, and for how many of `count` samples that holds.
bool Bridge::Inside::due(bool offline, bool connected, const float** sound, int& count) {
    if (offline && fill == 0 && instance->lost.load(std::memory_order_acquire) != lostBefore)
        return fail(Failure::died), false;  // what the engine remembered is lost, even where every answer came
    if (now < first + static_cast<std::uint64_t>(lead)) return true;  // the silence before all
    const std::uint64_t number = now - static_cast<std::uint64_t>(lead);
    bool answer = connected && (there(number) || (offline && waited(number)));
    const std::uint64_t at = number * static_cast<std::uint64_t>(hop) + static_cast<std::uint64_t>(fill);
    if (answer && at < whole) {
        answer = false;
        count = static_cast<int>(std::min<std::uint64_t>(static_cast<std::uint64_t>(count), whole - at));
    }
    for (int c = 0; answer && c < channels; ++c) sound[c] = slot(number).output(c) + fill;
    if (!answer && missed != number + 1) missed = number + 1, late.fetch_add(1, std::memory_order_relaxed);
    return answer;
}

// Whether an answer is here, whole and of numbers. One that follows on none is of an engine that began with it: for as
// long as its latency it gives what is before all sound.
bool Bridge::Inside::there(std::uint64_t number) {
    if (seen == number + 1) return true;
    const Slot answer = slot(number);
    if (answer.outTag().load(std::memory_order_acquire) != number + 1) return false;
    for (int c = 0; c < channels; ++c)
        if (!std::all_of(answer.output(c), answer.output(c) + hop, [](float x) { return isFinite(x); })) return false;
    seen = number + 1;
    if (number > first && slot(number - 1).outTag().load(std::memory_order_acquire) != number)
        whole = number * static_cast<std::uint64_t>(hop) + static_cast<std::uint64_t>(latency - lead * hop);
    return true;
}

// Offline: whether the answer came. Of a hop that was sent in real time it may have been lost, as in real time; that
// of one sent offline is due.
bool Bridge::Inside::waited(std::uint64_t number) {
    const Sent& of = sent[number % tables::slots];
    Failure why = Failure::none;
    std::uint64_t since = nowNs();
    for (std::uint32_t before = memory->answered().load(), answered = before;; before = answered) {
        answered = memory->answered().load(std::memory_order_acquire);
        if (there(number)) return true;
        if (answered != before) since = nowNs();
        const bool died = instance->lost.load(std::memory_order_acquire) != of.lost;
        const auto passed = static_cast<std::int32_t>(answered - static_cast<std::uint32_t>(number + 1));
        if (died || hopeless(why) || passed >= 0 || !of.ready) {
            why = died ? Failure::died : why != Failure::none ? why : Failure::skipped;
            break;
        }
        if (nowNs() - since > patience) {
            why = Failure::silent;
            backend->restartHung();
            break;
        }
        waitForAnswer(memory->answered(), answered, *answers, 100);
    }
    if (of.offline) fail(why);
    return false;
}

// Loud: silence from here on, the flag, the line.
void Bridge::Inside::fail(Failure why) {
    mute = true;
    failure = why;
    ownSerial.fetch_add(1);
    std::fprintf(stderr, "pisada: %s: silence from here on; render again\n", failureTexts[static_cast<int>(why)]);
}

}  // namespace pisada
