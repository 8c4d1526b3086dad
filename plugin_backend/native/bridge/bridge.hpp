// The connection of one plug-in instance to the backend, used by every plug-in format.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backend_status.hpp"

namespace pisada {

class Bridge {
 public:
    explicit Bridge(Kind kind);
    ~Bridge();
    Bridge(const Bridge&) = delete;
    Bridge& operator=(const Bridge&) = delete;

    // None of these, except the last three, may be called on the audio thread.

    // Begins a new sound at this rate. Waits for the backend's first message, never for its engine. False: no backend;
    // the output is the dry input (instrument: silence), and `backendStatus().problem` says why.
    bool prepare(double rateHz, int channels, int maxBlock, int waitForHelloMs = 10000);

    // The whole latency in samples: that of the bridge and of the engine.
    int latencySamples() const;

    // Sets preset number 0 of slot 0 (a) or 1 (b): a preset's file; no bytes: none. It survives a restart of the backend.
    void session(int slot, const std::string& name, const std::vector<std::uint8_t>& bytes);

    BackendStatus backendStatus() const;
    unsigned statusSerial() const;  // any thread: shows whether `backendStatus` has changed
    Meter takeMeter();            // resets the peaks

    // For the audio thread, from here on; never from two threads at once.

    // Any number of samples. `in` and `out` may be the same; `in` may be null for an instrument. `parameters`:
    // tables::parameterCount values in the order of tables::parameters, in their units: from the first sample on for those
    // of tables::exact, from the next hop on for the others. `offline`: waits for the
    // exact output; otherwise never waits, allocates, locks or logs.
    void process(const float* const* in, float* const* out, int samples, const float* parameters,
                 const MidiEvent* events, int eventCount, bool offline, bool bypass);
    void reset();                // the next sample is the first of a sound
    bool offlineFailed() const;  // an offline hop was lost: silence since then, until `prepare` or `reset`

 private:
    struct Impl;
    std::unique_ptr<Impl> inside_;
};

}  // namespace pisada
