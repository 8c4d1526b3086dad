// Plays the aligned dry input where an output is missing, without clicks; as render/live/dropout_concealment.py.
//
// The output is the dry input plus a rest: the engine's output minus the dry. If outputs stop, the rest continues as its last
// 5 ms, mirrored (2r(0) − r(−t)) and faded by a raised cosine. When outputs come again, it fades in. Bypass
// fades the rest out and in. An unbroken stream of outputs is passed on bit for bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace pisada {

class DropoutConcealment {
 public:
    // `longest`: most samples of one `mix`. Only this function allocates.
    void prepare(int channels, int longest, int latencySamples, double rateHz) {
        channels_ = channels;
        fade_ = std::max(1, static_cast<int>(std::lround(0.005 * rateHz)));
        rise_.resize(static_cast<std::size_t>(fade_));
        for (int t = 0; t < fade_; ++t)
            rise_[t] = static_cast<float>(0.5 - 0.5 * std::cos(M_PI * (t + 1) / (fade_ + 1)));
        delay_.assign(static_cast<std::size_t>(channels), std::vector<float>(latencySamples + longest));
        past_.assign(static_cast<std::size_t>(channels), std::vector<float>(fade_ + 1));
        tail_.assign(static_cast<std::size_t>(channels), std::vector<float>(fade_));
        latency_ = latencySamples;
        reset();
    }

    void reset() {
        for (auto* rows : {&delay_, &past_})
            for (auto& row : *rows) std::fill(row.begin(), row.end(), 0.0f);
        delayAt_ = pastAt_ = 0;
        tailAt_ = risen_ = fade_;
    }

    // `input`: null is silence. `answer`: the engine's output for now, or null. `out` may be `input`.
    void mix(const float* const* input, const float* const* answer, float* const* out, int samples, bool bypass) {
        const bool whole = answer && !bypass && risen_ == fade_ && tailAt_ == fade_;
        if (!answer && risen_ > 0) letGo();
        int risen = risen_, tailAt = tailAt_;
        for (int c = 0; c < channels_; ++c) {
            risen = risen_, tailAt = tailAt_;
            std::vector<float>&delay = delay_[c], &past = past_[c];
            const int size = static_cast<int>(delay.size()), kept = fade_ + 1;
            int write = delayAt_, read = (delayAt_ + size - latency_) % size, pastAt = pastAt_;
            for (int i = 0; i < samples; ++i) {
                delay[write] = input ? input[c][i] : 0.0f;
                const float dry = delay[read];
                write = write + 1 == size ? 0 : write + 1;
                read = read + 1 == size ? 0 : read + 1;
                float rest = 0.0f;
                if (whole) {
                    rest = answer[c][i] - dry;
                    out[c][i] = answer[c][i];
                } else {
                    if (answer && bypass && risen > 0)
                        rest = (answer[c][i] - dry) * rise_[--risen];
                    else if (answer && !bypass)
                        rest = (answer[c][i] - dry) * (risen < fade_ ? rise_[risen++] : 1.0f);
                    if (tailAt < fade_) rest += tail_[c][tailAt++];
                    out[c][i] = dry + rest;
                }
                past[pastAt] = rest;
                pastAt = pastAt + 1 == kept ? 0 : pastAt + 1;
            }
        }
        risen_ = risen, tailAt_ = tailAt;
        delayAt_ = (delayAt_ + samples) % static_cast<int>(delay_[0].size());
        pastAt_ = (pastAt_ + samples) % (fade_ + 1);
    }

 private:
    void letGo() {
        for (int c = 0; c < channels_; ++c) {
            const std::vector<float>& past = past_[c];
            const int kept = fade_ + 1;
            const float last = past[(pastAt_ + kept - 1) % kept];
            for (int t = 0; t < fade_; ++t)
                tail_[c][t] = (2 * last - past[(pastAt_ + 2 * kept - 2 - t) % kept]) * rise_[fade_ - 1 - t];
        }
        tailAt_ = risen_ = 0;
    }

    std::vector<std::vector<float>> delay_, past_, tail_;
    std::vector<float> rise_;
    int channels_ = 0, fade_ = 1, latency_ = 0;
    int delayAt_ = 0, pastAt_ = 0, tailAt_ = 1, risen_ = 1;
};

}  // namespace pisada
