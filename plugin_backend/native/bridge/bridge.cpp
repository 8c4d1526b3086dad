#include "bridge.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "flush_to_zero.hpp"
#include "bridge_impl.hpp"

namespace pisada {
namespace {

float peakOf(const float* samples, int count, float peak) {
    for (int i = 0; i < count; ++i) peak = std::max(peak, std::fabs(samples[i]));
    return peak;
}

void raise(std::atomic<float>& peak, float value) {
    for (float old = peak.load(std::memory_order_relaxed); old < value && !peak.compare_exchange_weak(old, value);) {}
}

// How long an offline render waits for a backend that runs and does not answer.
std::uint64_t patienceNs() {
    const char* asked = std::getenv("PISADA_PLUGIN_PATIENCE_S");
    const double seconds = asked ? std::atof(asked) : 0;
    return static_cast<std::uint64_t>((seconds > 0 ? seconds : 120) * 1e9);
}

}  // namespace

Bridge::Impl::Impl(Kind kind)
    : kind(kind), patience(patienceNs()), instance(std::make_shared<Instance>(kind)) {
    join();
}

Bridge::Bridge(Kind kind) : inside_(std::make_unique<Impl>(kind)) {}

Bridge::~Bridge() {
    Impl& s = *inside_;
    if (s.backend->ours()) s.backend->remove(s.instance);
}

bool Bridge::prepare(double rateHz, int channels, int maxBlock, int waitForHelloMs) {
    Impl& s = *inside_;
    if (!s.backend->ours()) s.join();  // the first call in a fork of the host
    s.bell = s.backend->add(s.instance);
    const bool sane = channels >= 1 && channels <= mostChannels && rateHz >= 1 && rateHz <= 1e6;
    s.channels = std::clamp(channels, 1, mostChannels);
    s.rateHz = sane ? rateHz : 48000;
    s.hop = hopOf(s.rateHz);
    s.lead = std::clamp((std::max(maxBlock, 1) + s.hop - 1) / s.hop + 1, 2, static_cast<int>(tables::slots) - 4);
    const int engine = sane ? s.backend->awaitLatency(s.kind, rateHz, waitForHelloMs) : -1;
    s.latency = s.lead * s.hop + std::max(engine, 0);
    s.concealment.prepare(s.channels, s.hop, s.latency, s.rateHz);
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
    Impl& s = *inside_;
    if (s.backend->ours())
        s.backend->session(*s.instance, slot, {name, bytes});
    else
        s.instance->sessions[slot] = {name, bytes};
}

BackendStatus Bridge::backendStatus() const {
    const Impl& s = *inside_;
    const unsigned serial = statusSerial();  // read first: later changes are then checked again
    BackendStatus backendStatus;
    if (s.backend->ours()) {
        backendStatus = s.backend->backendStatus(*s.instance);
    } else {
        backendStatus.state = BackendStatus::State::failed;
        backendStatus.problem = "this process is a fork, and the backend belongs to its parent: stop and start playback once";
    }
    if (const auto dropped = s.dropped.load(); dropped && backendStatus.problem.empty())
        backendStatus.problem = std::to_string(dropped) + " MIDI messages were not played: too many in one hop";
    if (const Failure failure = s.failure.load(); failure != Failure::none) {
        const std::string why = failureTexts[static_cast<int>(failure)];
        backendStatus.problem = why + (backendStatus.problem.empty() ? "" : ": " + backendStatus.problem);
    }
    backendStatus.serial = serial;
    return backendStatus;
}

unsigned Bridge::statusSerial() const {
    const Impl& s = *inside_;
    return s.ownSerial.load() + s.backend->serial();
}

Meter Bridge::takeMeter() {
    Impl& s = *inside_;
    const float hopMs = s.backend->ours() ? s.backend->hopMs(*s.instance) : 0;
    return {s.inPeak.exchange(0), s.outPeak.exchange(0), s.hops.load(), s.late.load(), hopMs, s.latency.load(),
            s.backend->restarts(), offlineFailed()};
}

void Bridge::reset() {
    Impl& s = *inside_;
    if (s.failure.exchange(Failure::none) != Failure::none) s.ownSerial.fetch_add(1);
    s.restart();
}

bool Bridge::offlineFailed() const { return inside_->failure.load() != Failure::none; }

void Bridge::process(const float* const* in, float* const* out, int samples, const float* parameters,
                     const MidiEvent* events, int eventCount, bool offline, bool bypass) {
    const FlushToZero flush;
    Impl& s = *inside_;
    if (s.hop == 0 || samples < 0) return;
    const bool connected = s.connected();
    if (offline != s.wasOffline) {
        if (s.mute) s.restart();  // an offline failure ends here
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
        for (std::size_t i = 0; connected && i < tables::exactCount; ++i)
            std::fill_n(s.slot(s.now).curve(i) + s.fill, count, parameters[tables::exact[i]]);
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
        s.concealment.mix(s.kind == Kind::effect ? now : nullptr, answer ? due : nullptr, to, count, bypass);
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

void Bridge::Impl::join() {
    const std::shared_ptr<Instance> before = instance;
    backend = Backend::shared();
    instance = std::make_shared<Instance>(kind);
    for (int slot : {0, 1}) instance->sessions[slot] = before->sessions[slot];
    memory.reset();
}

// Whether the existing memory can still be used.
bool Bridge::Impl::fits(int engineLatency) const {
    return memory && memory->rateHz == rateHz && memory->channels == channels && !instance->unusable.load() &&
           instance->engineLatency == engineLatency && memory->state().load() != tables::stateFailed;
}

}  // namespace pisada
