// A command-line host for tests and measurements: one or more bridges, raw float32 in and out, JSON results.
//
// probe [--kind effect|instrument] [--rate 48000] [--channels 2] [--frames N] [--in FILE] [--out FILE]
//       [--blocks 512 | 1,64,333 | random:SEED:MOST] [--instances 1] [--threads 0|1] [--offline 0|1] [--ready 0|1]
//       [--hello MS] [--script FILE] [--cycles N] [--hold 0|1] [--editor 0|1]
//       [--fifo PRIORITY] [--split 0|1]
// Sound is planar: [channel][sample], and for several instances [instance][channel][sample]; all get the same input. Not
// offline: paced like a sound card. A script's lines are "SAMPLE param ID VALUE", "SAMPLE midi HEX…", and "SAMPLE
// offline|bypass 0|1", "… reset", "… prepare", "… await starting|ready|failed|lost", "… told" (now, into the JSON),
// "… session a|b NAME FILE", "… fork" (a child plays on and tells; the stream here goes on after); all but midi act
// before the block that holds their sample. --split 1: a block ends before the sample of a param, as in hosts with exact
// automation.
#include <dirent.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "../bridge/bridge.hpp"
#include "pisada_tables.h"

namespace {

using namespace pisada;

struct Action {
    long sample;
    std::string verb;
    std::vector<std::string> words;
};

struct Settings {
    std::map<std::string, std::string> given;
    std::string text(const char* key, const char* otherwise) const {
        const auto found = given.find(key);
        return found == given.end() ? otherwise : found->second;
    }
    long number(const char* key, long otherwise) const {
        return std::atol(text(key, std::to_string(otherwise).c_str()).c_str());
    }
};

struct Player {
    explicit Player(Kind kind) : bridge(kind) {}
    Bridge bridge;
    bool prepared = false;
    std::vector<float> out;
    std::vector<double> us;
    std::vector<std::string> backendStatus;
};

std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += static_cast<unsigned char>(c) < 32 ? ' ' : c;
    }
    return result + "\"";
}

const char* stateOf(const BackendStatus& backendStatus) {
    static const char* const names[] = {"starting", "ready", "failed", "lost"};
    return names[static_cast<int>(backendStatus.state)];
}

std::string statusNow(const Bridge& bridge) {
    const BackendStatus backendStatus = bridge.backendStatus();
    std::ostringstream text;
    text << "{\"state\": \"" << stateOf(backendStatus) << "\", \"problem\": " << quoted(backendStatus.problem)
         << ", \"model\": " << quoted(backendStatus.model) << ", \"latents\": " << backendStatus.latents
         << ", \"serial\": " << backendStatus.serial
         << ", \"failed\": " << (bridge.offlineFailed() ? "true" : "false") << ", \"bank\": [";
    for (const BankPreset& preset : backendStatus.bank) text << (preset.number > 1 ? ", " : "") << quoted(preset.name);
    text << "]}";
    return text.str();
}

void await(const Bridge& bridge, const std::string& state) {
    for (int tries = 0; tries < 12000 && state != stateOf(bridge.backendStatus()); ++tries) ::usleep(5000);
}

std::vector<Action> script(const std::string& path) {
    std::vector<Action> actions;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        Action action;
        if (!(words >> action.sample >> action.verb)) continue;
        action.words.assign(std::istream_iterator<std::string>(words), {});
        actions.push_back(std::move(action));
    }
    return actions;
}

std::vector<std::uint8_t> bytesOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Lengths of blocks, one after another.
class Blocks {
 public:
    explicit Blocks(const std::string& text) {
        unsigned seed = 0;
        if (std::sscanf(text.c_str(), "random:%u:%d", &seed, &most_) == 2) {
            random_ = std::make_unique<std::mt19937>(seed);
            return;
        }
        std::istringstream list(text);
        for (std::string word; std::getline(list, word, ',');) lengths_.push_back(std::atoi(word.c_str()));
        most_ = *std::max_element(lengths_.begin(), lengths_.end());
    }
    int most() const { return most_; }
    int next() { return random_ ? int((*random_)() % unsigned(most_ + 1)) : lengths_[at_++ % lengths_.size()]; }

 private:
    std::vector<int> lengths_;
    std::size_t at_ = 0;
    int most_ = 0;
    std::unique_ptr<std::mt19937> random_;
};

struct Host {
    Settings settings;
    Kind kind;
    double rate;
    int channels;
    long frames;
    std::vector<float> in;

    bool prepare(Player& player, int most) const {
        return player.prepared =
                   player.bridge.prepare(rate, channels, most, static_cast<int>(settings.number("hello", 10000)));
    }

    void play(const std::vector<Player*>& players) const {
        Blocks blocks(settings.text("blocks", "512"));
        const std::vector<Action> actions = script(settings.text("script", "/dev/null"));
        std::vector<float> parameters(tables::mostParameters);
        for (std::size_t i = 0; i < tables::parameterCount; ++i) parameters[i] = tables::parameters[i].initial;
        bool offline = settings.number("offline", 0), bypass = false;
        std::size_t action = 0;
        const sched_param priority{static_cast<int>(settings.number("fifo", 0))};
        if (priority.sched_priority && ::sched_setscheduler(0, SCHED_FIFO, &priority) != 0)
            std::perror("probe: SCHED_FIFO");
        timespec due{};
        ::clock_gettime(CLOCK_MONOTONIC, &due);
        for (long at = 0; at < frames;) {
            int count = static_cast<int>(std::min<long>(blocks.next(), frames - at));
            for (std::size_t i = action; settings.number("split", 0) && i < actions.size(); ++i)
                if (actions[i].verb == "param" && actions[i].sample > at)
                    count = static_cast<int>(std::min<long>(count, actions[i].sample - at));
            std::vector<MidiEvent> events;
            for (; action < actions.size() && actions[action].sample < at + count; ++action) {
                const Action& now = actions[action];
                const auto word = [&](std::size_t i) { return i < now.words.size() ? now.words[i] : std::string("0"); };
                if (now.verb == "midi") {
                    MidiEvent event{static_cast<int>(now.sample - at), std::uint8_t(now.words.size()), {}};
                    for (std::size_t i = 0; i < now.words.size() && i < 3; ++i)
                        event.data[i] = static_cast<std::uint8_t>(std::strtol(word(i).c_str(), nullptr, 16));
                    events.push_back(event);
                } else if (now.verb == "param") {
                    for (std::size_t i = 0; i < tables::parameterCount; ++i)
                        if (word(0) == tables::parameters[i].id) parameters[i] = std::strtof(word(1).c_str(), nullptr);
                } else if (now.verb == "offline") {
                    offline = word(0) != "0";
                } else if (now.verb == "bypass") {
                    bypass = word(0) != "0";
                } else {
                    for (Player* player : players) act(*player, now, blocks.most());
                    ::clock_gettime(CLOCK_MONOTONIC, &due);
                }
            }
            for (Player* player : players) block(*player, at, count, parameters.data(), events, offline, bypass);
            at += count;
            if (offline) continue;
            due.tv_nsec += static_cast<long>(1e9 * count / rate);
            due.tv_sec += due.tv_nsec / 1000000000, due.tv_nsec %= 1000000000;
            ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr);
        }
    }

    void act(Player& player, const Action& action, int most) const {
        if (action.verb == "reset") player.bridge.reset();
        if (action.verb == "prepare") prepare(player, most);
        if (action.verb == "await") await(player.bridge, action.words.at(0));
        if (action.verb == "fork") player.backendStatus.push_back(child(player));
        if (action.verb == "told") player.backendStatus.push_back(statusNow(player.bridge));
        if (action.verb == "session")
            player.bridge.session(action.words.at(0) == "b", action.words.at(1), bytesOf(action.words.at(2)));
    }

    // The status in a fork of this process after it played a block.
    std::string child(Player& player) const {
        int ends[2];
        if (::pipe(ends) != 0) return "null";
        const pid_t pid = ::fork();
        if (pid == 0) {
            std::vector<float> sound(static_cast<std::size_t>(channels) * 512);
            std::vector<float*> to;
            for (int c = 0; c < channels; ++c) to.push_back(sound.data() + c * 512);
            const std::vector<float> parameters(tables::mostParameters);
            player.bridge.process(to.data(), to.data(), 512, parameters.data(), nullptr, 0, false, false);
            const std::string text = statusNow(player.bridge);
            ::_exit(::write(ends[1], text.data(), text.size()) < 0);
        }
        ::close(ends[1]);
        std::string text(8192, ' ');
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(ends[0], text.data(), text.size()))));
        ::close(ends[0]);
        ::waitpid(pid, nullptr, 0);
        return text.empty() ? "null" : text;
    }

    void block(Player& player, long at, int count, const float* parameters, const std::vector<MidiEvent>& events,
               bool offline, bool bypass) const {
        std::vector<const float*> from;
        std::vector<float*> to;
        for (int c = 0; c < channels; ++c) {
            from.push_back(in.data() + c * frames + at);
            to.push_back(player.out.data() + c * frames + at);
        }
        timespec began{}, ended{};
        ::clock_gettime(CLOCK_MONOTONIC, &began);
        player.bridge.process(kind == Kind::effect ? from.data() : nullptr, to.data(), count, parameters, events.data(),
                              static_cast<int>(events.size()), offline, bypass);
        ::clock_gettime(CLOCK_MONOTONIC, &ended);
        player.us.push_back(1e6 * double(ended.tv_sec - began.tv_sec) + 1e-3 * double(ended.tv_nsec - began.tv_nsec));
    }
};

int entries(const char* folder) {
    int count = 0;
    if (DIR* directory = ::opendir(folder)) {
        while (::readdir(directory)) ++count;
        ::closedir(directory);
    }
    return count;
}

// Inserts and removes instances, and reports what remains after they have ended.
void cycles(const Host& host, long count) {
    std::thread([] {}).join();  // a sanitizer starts its own thread with the first one
    const int files = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    bool all = true;
    for (long i = 0; i < count; ++i) {
        Player one(host.kind), other(host.kind);
        for (Player* player : {&one, &other}) {
            all = host.prepare(*player, 512) && all;
            player->out.resize(host.in.size());
        }
        if (i % 2) host.play({&one, &other});
    }
    for (int tries = 0; tries < 2000 && entries("/proc/self/task") > threads; ++tries) ::usleep(5000);
    std::printf("{\"prepared\": %s, \"fds\": [%d, %d], \"threads\": [%d, %d]}\n", all ? "true" : "false", files,
                entries("/proc/self/fd"), threads, entries("/proc/self/task"));
    std::fflush(stdout);
}

void report(const std::vector<std::unique_ptr<Player>>& players) {
    std::printf("{\"instances\": [");
    for (const auto& player : players) {
        std::vector<double> us = player->us;
        std::sort(us.begin(), us.end());
        const auto part = [&](double share) { return us.empty() ? 0 : us[std::size_t(share * double(us.size() - 1))]; };
        const Meter meter = player->bridge.takeMeter();
        std::printf("%s{\"prepared\": %s, \"latency\": %d, \"hops\": %llu, \"late\": %llu, \"restarts\": %u, ",
                    player == players.front() ? "" : ", ", player->prepared ? "true" : "false",
                    player->bridge.latencySamples(), static_cast<unsigned long long>(meter.hops),
                    static_cast<unsigned long long>(meter.lateHops), meter.restarts);
        std::printf("\"peaks\": [%.9g, %.9g], \"us\": {\"p50\": %.2f, \"p99\": %.2f, \"max\": %.2f}, ", meter.inPeak,
                    meter.outPeak, part(0.5), part(0.99), part(1));
        std::printf("\"then\": [");
        for (const std::string& text : player->backendStatus)
            std::printf("%s%s", &text == &player->backendStatus[0] ? "" : ", ", text.c_str());
        std::printf("], \"told\": %s}", statusNow(player->bridge).c_str());
    }
    std::printf("]}\n");
    std::fflush(stdout);
}

int run(const Settings& settings) {
    Host host{settings, settings.text("kind", "effect") == "effect" ? Kind::effect : Kind::instrument,
              double(settings.number("rate", 48000)), int(settings.number("channels", 2)),
              settings.number("frames", 48000), {}};
    host.in.resize(static_cast<std::size_t>(host.channels * host.frames));
    std::ifstream(settings.text("in", "/dev/null"), std::ios::binary)
        .read(reinterpret_cast<char*>(host.in.data()), std::streamsize(host.in.size() * sizeof(float)));
    if (const long count = settings.number("cycles", 0)) {
        cycles(host, count);
        if (settings.number("hold", 0)) ::pause();
        return 0;
    }
    std::vector<std::unique_ptr<Player>> players;
    for (long i = 0; i < settings.number("instances", 1); ++i) {
        players.push_back(std::make_unique<Player>(host.kind));
        players.back()->out.resize(host.in.size());
        players.back()->us.reserve(1 << 20);
        host.prepare(*players.back(), Blocks(settings.text("blocks", "512")).most());
    }
    if (settings.number("ready", 1))
        for (const auto& player : players)
            if (player->prepared) await(player->bridge, "ready");
    std::vector<Player*> all;
    std::vector<std::thread> threads;
    for (const auto& player : players) all.push_back(player.get());
    std::atomic<bool> over{false};
    std::thread editor;
    if (settings.number("editor", 0))
        editor = std::thread([&] {
            for (unsigned taken = 0; !over; ::usleep(3000), ++taken)
                for (Player* player : all) {
                    player->bridge.session(taken % 2, "edited", std::vector<std::uint8_t>(taken % 3));
                    if (player->bridge.statusSerial() != player->bridge.backendStatus().serial) ::usleep(100);
                    player->bridge.takeMeter();
                }
        });
    if (settings.number("threads", 0))
        for (Player* player : all) threads.emplace_back([&host, player] { host.play({player}); });
    else
        host.play(all);
    for (std::thread& thread : threads) thread.join();
    over = true;
    if (editor.joinable()) editor.join();
    if (settings.given.count("out")) {
        std::ofstream out(settings.text("out", ""), std::ios::binary);
        for (const auto& player : players)
            out.write(reinterpret_cast<const char*>(player->out.data()),
                      std::streamsize(player->out.size() * sizeof(float)));
    }
    report(players);
    if (settings.number("hold", 0)) ::pause();
    return 0;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int pisada_test_host(int count, char** words) {
    Settings settings;
    for (int i = 1; i + 1 < count; i += 2) settings.given[std::string(words[i]).substr(2)] = words[i + 1];
    return run(settings);
}

int main(int count, char** words) { return pisada_test_host(count, words); }
