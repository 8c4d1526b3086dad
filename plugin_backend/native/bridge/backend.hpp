// The backend process of one plug-in binary: started with the first instance, watched, restarted, and ended
// a second after the last instance. Everything slow runs on its own thread.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "wakeup.hpp"
#include "backend_process.hpp"
#include "memory.hpp"
#include "message.hpp"
#include "backend_status.hpp"

namespace pisada {

// One plug-in instance, as the backend knows it. The audio thread reads only the atomics.
struct Instance {
    explicit Instance(Kind kind) : kind(kind) {}

    const Kind kind;
    std::atomic<unsigned> lost{0};      // how often the process of its engine died
    std::atomic<bool> unusable{false};  // it cannot be opened; `problem` says why

    // Guarded by the backend's lock.
    struct Session {
        std::string name;
        std::vector<std::uint8_t> bytes;
    } sessions[2];
    std::shared_ptr<Memory> memory;
    std::shared_ptr<SocketPair> answers;
    int engineLatency = 0;
    long id = 0;
    bool opened = false;
    std::string problem;
};

class Backend {
 public:
    static std::shared_ptr<Backend> shared();
    Backend();
    ~Backend();

    // A fork of the host has the backend's memory, but none of its threads: it must not use anything here.
    bool ours() const;

    std::shared_ptr<WakeUp> add(const std::shared_ptr<Instance>& instance);
    void remove(const std::shared_ptr<Instance>& instance);

    // The engine's latency at that rate in samples; −1 if it is not known within `ms`, or if there is no engine.
    int awaitLatency(Kind kind, double rateHz, int ms);

    void open(Instance& instance, std::shared_ptr<Memory> memory, std::shared_ptr<SocketPair> answers, int latency);
    void refuse(Instance& instance, const std::string& problem);  // if the backend itself is not the reason
    void session(Instance& instance, int slot, Instance::Session session);
    void restartHung();  // it runs, but does not answer
    void end();          // when the library is unloaded: nothing of it keeps running

    BackendStatus backendStatus(const Instance& instance) const;
    float hopMs(const Instance& instance) const;
    unsigned serial() const { return serial_.load(std::memory_order_acquire); }
    unsigned restarts() const { return restarts_.load(std::memory_order_relaxed); }
    bool allSent() const { return unsent_.load(std::memory_order_acquire) == 0; }  // all messages have been sent to the socket
    bool hopeless() const { return hopeless_.load(std::memory_order_acquire); }  // cannot be started

 private:
    static constexpr std::uint64_t firstBackOffNs = 250000000;
    static constexpr int mostFailures = 3;  // crashes in a row without any engine; then no offline render waits for it

    static const char* nameOf(Kind kind);
    static void* thread(void* self);
    void run();
    bool leaves(BackendProcess& process);
    void start(BackendProcess& process);
    void wait(const BackendProcess& process);
    void gone(BackendProcess& process, bool hung);
    void lose(const std::string& problem);

    bool hear(BackendProcess& process);  // false: it has ended, or is another program
    bool take(const Message& message);
    void speak(const BackendProcess& process);

    // Guarded by the lock.
    void changed();
    void wake();
    void post(Message message);
    void greet(Instance& instance);
    void part(Instance& instance);
    void giveSession(const Instance& instance, int slot);

    const unsigned fork_;
    std::atomic<unsigned> serial_{0}, restarts_{0};
    std::atomic<bool> hopeless_{false};
    std::atomic<std::size_t> unsent_{0};

    mutable std::mutex lock_;
    std::condition_variable received_;
    std::vector<std::shared_ptr<Instance>> instances_;
    std::map<std::pair<std::string, long>, int> latencies_;
    std::shared_ptr<WakeUp> bell_;
    std::deque<Message> outbox_;
    BackendStatus backendStatus_;
    Descriptor wakeRead_, wakeWrite_;
    pthread_t thread_{};
    bool made_ = false, running_ = false, ended_ = false, hung_ = false;
    bool serving_ = false, allLatencies_ = false;
    std::uint64_t idleSinceNs_ = 0, launchAtNs_ = 0, backOffNs_ = 0;
    long nextId_ = 1;
    int failures_ = 0;
};

}  // namespace pisada
