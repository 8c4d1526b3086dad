// A bridge's hops on the audio thread: fill, send, wait (offline), play.
#include <algorithm>
#include <cstdio>
#include <ctime>

#include "bridge_impl.hpp"

namespace pisada {
namespace {

void nap() {
    const timespec pause{0, 1000000};
    ::nanosleep(&pause, nullptr);
}

}  // namespace

// The next sample is the first of a sound; a hop that is not full is dropped.
void Bridge::Impl::restart() {
    first = now;
    fill = 0;
    ++epoch;
    reset = true;
    begun = settled = mute = false;
    concealment.reset();
}

void Bridge::Impl::begin(bool connected) {
    if (begun) return;
    begun = true;
    if (!connected) return;
    slot(now).inTag().exchange(0, std::memory_order_acq_rel);  // a reader of the old contents sees the change
    slot(now).eventCount() = 0;
}

// MIDI messages at samples from…to of the block; those outside count at its first or last sample.
void Bridge::Impl::collect(const MidiEvent* events, int count, int from, int to, int last) {
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

// Offline, all earlier messages reach the backend before the hop, above all a new preset.
void Bridge::Impl::submit(bool offline) {
    Slot full = slot(now);
    for (const std::uint64_t since = nowNs(); offline && !backend->allSent() && nowNs() - since < patience;) nap();
    const unsigned lost = instance->lost.load(std::memory_order_acquire);  // read before ready, see Backend::lose
    sent[now % tables::slots] = {offline, memory->state().load(std::memory_order_acquire) == tables::stateReady, lost};
    full.epoch() = epoch;
    full.flags() = (offline ? tables::flagOffline : 0) | (reset ? tables::flagReset : 0);
    full.positionSamples() = static_cast<std::int64_t>(now - first) * hop;
    full.submittedNs() = nowNs();
    full.inTag().store(now + 1, std::memory_order_release);
    memory->submitted().store(static_cast<std::uint32_t>(now + 1), std::memory_order_release);
    bell->ring();
    reset = false;
}

// Whether no output can come any more.
bool Bridge::Impl::hopeless(Failure& why) const {
    why = !memory || !backend->ours() || instance->unusable.load() || backend->hopeless() ? Failure::none_there
          : memory->state().load(std::memory_order_acquire) == tables::stateFailed        ? Failure::refused
                                                                                          : Failure::none;
    return why != Failure::none;
}

// Before an offline render's first hop: wait for an engine. An earlier crash is not a failure.
bool Bridge::Impl::settle() {
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

// Whether there is an output for this moment, where it is, and for how many of `count` samples.
bool Bridge::Impl::due(bool offline, bool connected, const float** sound, int& count) {
    if (offline && fill == 0 && instance->lost.load(std::memory_order_acquire) != lostBefore)
        return fail(Failure::died), false;  // the engine's past is lost, even if every output came
    if (now < first + static_cast<std::uint64_t>(lead)) return true;  // the silence at the start
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

// Whether an output is complete and finite. An output without one before it comes from an engine that began with it: for
// the length of its latency it contains only the silence before the sound.
bool Bridge::Impl::there(std::uint64_t number) {
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

// Offline: whether the output came. A hop that was sent in real time may be lost, as in real time;
// a hop that was sent offline must not be.
bool Bridge::Impl::waited(std::uint64_t number) {
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

// Report it: only silence follows, the flag is set, and a line goes to standard error.
void Bridge::Impl::fail(Failure why) {
    mute = true;
    failure = why;
    ownSerial.fetch_add(1);
    std::fprintf(stderr, "pisada: %s: only silence follows; render again\n", failureTexts[static_cast<int>(why)]);
}

}  // namespace pisada
