// One plug-in instance's way to the backend: what a plug-in of any format holds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "told.hpp"

namespace pisada {

class Bridge {
 public:
    explicit Bridge(Kind kind);
    ~Bridge();
    Bridge(const Bridge&) = delete;
    Bridge& operator=(const Bridge&) = delete;

    // Everything but the last three: not on the audio thread.

    // Begins a new sound at this rate. Waits for the backend's first words, never for its engine. False: no backend,
    // the dry input is heard (instrument: silence), and `told().problem` says why.
    bool prepare(double rateHz, int channels, int maxBlock, int waitForHelloMs = 10000);

    // Of the whole: the bridge's hops and the engine's own.
    int latencySamples() const;

    // What number 0 is in slot 0 (a) or 1 (b): a preset's file; empty bytes: none. Kept over a backend's death.
    void session(int slot, const std::string& name, const std::vector<std::uint8_t>& bytes);

    Told told() const;
    unsigned toldSerial() const;  // any thread: to see whether `told` is worth a call
    Meter takeMeter();            // peaks begin anew

    // The audio thread, from here on; never in two threads at once.

    // Any number of samples. `in` and `out` may be the same; `in` may be null for an instrument. `parameters`:
    // tables::parameterCount values in the order of tables::parameters, in their own units. `offline`: waits for the
    // exact answer; else never waits, allocates, locks or logs.
    void process(const float* const* in, float* const* out, int samples, const float* parameters,
                 const MidiEvent* events, int eventCount, bool offline, bool bypass);
    void reset();                // the next sample is the first of a sound
    bool offlineFailed() const;  // an offline answer was lost: silence since, until `prepare` or `reset`

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace pisada
