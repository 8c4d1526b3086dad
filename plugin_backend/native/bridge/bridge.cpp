#include "bridge.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "backend.hpp"
#include "fallback.hpp"
#include "flush_to_zero.hpp"

namespace pisada {
namespace {

constexpr int mostChannels = 2;

bool isFinite(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7f800000u) != 0x7f800000u;
}

float peakOf(const float* samples, int count, float peak) {
    for (int i = 0; i < count; ++i) peak = std::max(peak, std::fabs(samples[i]));
    return peak;
}

void raise(std::atomic<float>& peak, float value) {
    for (float old = peak.load(std::memory_order_relaxed); old < value && !peak.compare_exchange_weak(old, value);) {}
}

void nap() {
    const timespec pause{0, 1000000};
    ::nanosleep(&pause, nullptr);
}

// How long an offline render waits for a backend that lives and says nothing.
std::uint64_t patienceNs() {
    const char* asked = std::getenv("PISADA_PLUGIN_PATIENCE_S");
    const double seconds = asked ? std::atof(asked) : 0;
    return static_cast<std::uint64_t>((seconds > 0 ? seconds : 120) * 1e9);
}

enum class Failure { none, died, silent, skipped, refused, none_there };
const char* const failureTexts[] = {
    "",
    "the backend died during an offline render",
    "the backend did not answer an offline render",
    "the backend left out a part of an offline render",
    "the backend refused an offline render",
    "there is no backend for an offline render",
};

}  // namespace

struct Bridge::Inside {
    explicit Inside(Kind kind) : kind(kind), instance(std::make_shared<Instance>(kind)) { join(); }

    const Kind kind;
    const std::uint64_t patience = patienceNs();
    std::shared_ptr<Backend> backend;
    std::shared_ptr<Instance> instance;
    std::shared_ptr<Bell> bell;
    std::shared_ptr<Memory> memory;  // null: dry
    std::shared_ptr<SocketPair> answers;

    double rateHz = 0;
    int channels = 0, hop = 0, lead = 0;  // lead: hops that an answer has
    std::atomic<int> latency{0};
    std::atomic<unsigned> ownSerial{0};

    // The audio thread's. Hop numbers never begin anew within a memory.
    Fallback fallback;
    std::array<std::vector<float>, mostChannels> input, silence;
    std::uint64_t now = 0, first = 0;    // hops: that being filled, the first of the sound
    std::uint64_t seen = 0, missed = 0;  // hops + 1: the last whose answer is here, the last whose was not
    std::uint64_t whole = 0;             // samples: from there on answers are of an engine that has run in
    int fill = 0;
    bool begun = false, reset = true, wasOffline = false, mute = false, settled = false;
    std::uint32_t epoch = 0;
    unsigned lostBefore = 0;  // as an offline render began
    struct Sent {
        bool offline, ready;
        unsigned lost;
    };
    std::array<Sent, tables::slots> sent{};

    std::atomic<Failure> failure{Failure::none};
    std::atomic<std::uint64_t> hops{0}, late{0}, dropped{0};
    std::atomic<float> inPeak{0}, outPeak{0};

    bool connected() const { return memory && backend->ours(); }
    Slot slot(std::uint64_t number) const { return memory->slot(number); }

    void join();
    bool fits(int engineLatency) const;
    void restart();
    void begin(bool connected);
    void collect(const MidiEvent* events, int count, int from, int to, int last);
    void submit(bool offline);
    bool settle();
    bool due(bool offline, bool connected, const float** sound, int& count);
    bool there(std::uint64_t number);
    bool waited(std::uint64_t number);
    bool hopeless(Failure& why) const;
    void fail(Failure why);
};

Bridge::Bridge(Kind kind) : inside_(std::make_unique<Inside>(kind)) {}

Bridge::~Bridge() {
    Inside& s = *inside_;
    if (s.backend->ours()) s.backend->remove(s.instance);
}

bool Bridge::prepare(double rateHz, int channels, int maxBlock, int waitForHelloMs) {
    Inside& s = *inside_;
    if (!s.backend->ours()) s.join();  // the first in a fork of the host
    s.bell = s.backend->add(s.instance);
    const bool sane = channels >= 1 && channels <= mostChannels && rateHz >= 1 && rateHz <= 1e6;
    s.channels = std::clamp(channels, 1, mostChannels);
    s.rateHz = sane ? rateHz : 48000;
    s.hop = hopOf(s.rateHz);
    s.lead = std::clamp((std::max(maxBlock, 1) + s.hop - 1) / s.hop + 1, 2, static_cast<int>(tables::slots) - 4);
    const int engine = sane ? s.backend->awaitLatency(s.kind, rateHz, waitForHelloMs) : -1;
    s.latency = s.lead * s.hop + std::max(engine, 0);
    s.fallback.prepare(s.channels, s.hop, s.latency, s.rateHz);
    for (auto* buffers : {&s.input, &s.silence})
        for (auto& buffer : *buffers) buffer.assign(static_cast<std::size_t>(s.hop), 0.0f);
    s.hops = s.late = s.dropped = 0;
    if (engine < 0) {
        char problem[96];
        std::snprintf(problem, sizeof problem, "no engine for %.10g Hz and %d channels", rateHz, channels);
        s.memory.reset();
        s.backend->refuse(*s.instance, problem);
    } else if (!s.fits(engine)) {
        s.memory = std::make_shared<Memory>(rateHz, channels, s.hop);
        s.answers = std::make_shared<SocketPair>(s.bell->isSocket());
        s.now = s.seen = s.missed = s.whole = 0;
        if (*s.memory && (*s.answers || !s.bell->isSocket())) {
            s.backend->open(*s.instance, s.memory, s.answers, engine);
        } else {
            s.memory.reset();
            s.backend->refuse(*s.instance, "no memory or descriptors to share with the backend");
        }
    }
    reset();
    return s.memory != nullptr;
}

int Bridge::latencySamples() const { return inside_->latency; }

void Bridge::session(int slot, const std::string& name, const std::vector<std::uint8_t>& bytes) {
    Inside& s = *inside_;
    if (s.backend->ours())
        s.backend->session(*s.instance, slot, {name, bytes});
    else
        s.instance->sessions[slot] = {name, bytes};
}

Told Bridge::told() const {
    const Inside& s = *inside_;
    Told told;
    if (s.backend->ours()) {
        told = s.backend->told(*s.instance);
    } else {
        told.state = Told::State::failed;
        told.problem = "the backend stays with the process that this one is a fork of: prepare anew";
    }
    if (const auto dropped = s.dropped.load(); dropped && told.problem.empty())
        told.problem = std::to_string(dropped) + " MIDI messages were too many for their hops, and not played";
    if (const Failure failure = s.failure.load(); failure != Failure::none) {
        const std::string why = failureTexts[static_cast<int>(failure)];
        told.problem = why + (told.problem.empty() ? "" : ": " + told.problem);
    }
    told.serial = toldSerial();
    return told;
}

unsigned Bridge::toldSerial() const {
    const Inside& s = *inside_;
    return s.ownSerial.load() + s.backend->serial();
}

Meter Bridge::takeMeter() {
    Inside& s = *inside_;
    const float hopMs = s.backend->ours() ? s.backend->hopMs(*s.instance) : 0;
    return {s.inPeak.exchange(0), s.outPeak.exchange(0), s.hops.load(), s.late.load(), hopMs, s.latency.load(),
            s.backend->restarts(), offlineFailed()};
}

void Bridge::reset() {
    Inside& s = *inside_;
    if (s.failure.exchange(Failure::none) != Failure::none) s.ownSerial.fetch_add(1);
    s.restart();
}

bool Bridge::offlineFailed() const { return inside_->failure.load() != Failure::none; }

void Bridge::process(const float* const* in, float* const* out, int samples, const float* parameters,
                     const MidiEvent* events, int eventCount, bool offline, bool bypass) {
    const FlushToZero flush;
    Inside& s = *inside_;
    if (s.hop == 0 || samples < 0) return;
    const bool connected = s.connected();
    if (offline != s.wasOffline) {
        if (s.mute) s.restart();  // what failed offline ends with it
        s.wasOffline = offline;
        s.settled = s.mute = false;
        if (offline && s.failure.exchange(Failure::none) != Failure::none) s.ownSerial.fetch_add(1);
    }
    if (offline && !s.mute && !s.settled) s.settled = s.settle();
    float inPeak = 0, outPeak = 0;
    if (samples == 0 && eventCount > 0 && connected && !s.mute) {
        s.begin(connected);
        s.collect(events, eventCount, 0, 1, 0);
    }
    for (int done = 0, count; done < samples; done += count) {
        count = std::min(samples - done, s.hop - s.fill);
        if (s.mute) {
            for (int c = 0; c < s.channels; ++c) std::fill_n(out[c] + done, samples - done, 0.0f);
            break;
        }
        const float* due[mostChannels] = {s.silence[0].data(), s.silence[1].data()};
        const bool answer = s.due(offline, connected, due, count);
        if (s.mute) {
            count = 0;
            continue;
        }
        s.begin(connected);
        if (s.fill == 0 && connected) std::copy_n(parameters, tables::parameterCount, s.slot(s.now).parameters());
        if (connected) s.collect(events, eventCount, done, done + count, samples - 1);
        float* now[mostChannels];
        float* to[mostChannels];
        for (int c = 0; c < s.channels; ++c) {
            now[c] = (connected ? s.slot(s.now).input(c) : s.input[c].data()) + s.fill;
            if (!in || s.kind == Kind::instrument)
                std::fill_n(now[c], count, 0.0f);
            else
                std::transform(in[c] + done, in[c] + done + count, now[c], [](float x) { return isFinite(x) ? x : 0; });
            inPeak = peakOf(now[c], count, inPeak);
        }
        for (int c = 0; c < s.channels; ++c) to[c] = out[c] + done;
        s.fallback.mix(s.kind == Kind::effect ? now : nullptr, answer ? due : nullptr, to, count, bypass);
        for (int c = 0; c < s.channels; ++c) outPeak = peakOf(to[c], count, outPeak);
        s.fill += count;
        if (s.fill == s.hop) {
            if (connected) s.submit(offline);
            ++s.now, s.fill = 0, s.begun = false;
            s.hops.fetch_add(1, std::memory_order_relaxed);
        }
    }
    raise(s.inPeak, inPeak);
    raise(s.outPeak, outPeak);
}

void Bridge::Inside::join() {
    const std::shared_ptr<Instance> before = instance;
    backend = Backend::shared();
    instance = std::make_shared<Instance>(kind);
    for (int slot : {0, 1}) instance->sessions[slot] = before->sessions[slot];
    memory.reset();
}

// Whether the memory that there is serves on.
bool Bridge::Inside::fits(int engineLatency) const {
    return memory && memory->rateHz == rateHz && memory->channels == channels && !instance->unusable.load() &&
           instance->engineLatency == engineLatency && memory->state().load() != tables::stateFailed;
}

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
