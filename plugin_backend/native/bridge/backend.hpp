// The backend's process as one plug-in binary sees it: started with the first instance, watched, started again, ended
// a second after the last instance. All that is slow is done on a thread of its own.
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

#include "doorbell.hpp"
#include "launch.hpp"
#include "memory.hpp"
#include "message.hpp"
#include "told.hpp"

namespace pisada {

// What the backend knows of one plug-in instance. The audio thread looks at the atomics alone.
struct Instance {
    explicit Instance(Kind kind) : kind(kind) {}

    const Kind kind;
    std::atomic<unsigned> lost{0};      // how often the process of its engine died
    std::atomic<bool> unusable{false};  // it is not opened, and `problem` says why

    // Under the backend's lock.
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

    // A fork of the host has memory of the backend, but none of its threads: nothing here may be touched there.
    bool ours() const;

    std::shared_ptr<Bell> add(const std::shared_ptr<Instance>& instance);
    void remove(const std::shared_ptr<Instance>& instance);

    // What the engine adds at that rate; −1 where that is not known within `ms`, or there is none.
    int awaitLatency(Kind kind, double rateHz, int ms);

    void open(Instance& instance, std::shared_ptr<Memory> memory, std::shared_ptr<SocketPair> answers, int latency);
    void refuse(Instance& instance, const std::string& problem);  // where the backend is not itself the reason
    void session(Instance& instance, int slot, Instance::Session session);
    void restartHung();  // it lives and does not answer
    void end();          // at the library's end: nothing of it runs on

    Told told(const Instance& instance) const;
    float hopMs(const Instance& instance) const;
    unsigned serial() const { return serial_.load(std::memory_order_acquire); }
    unsigned restarts() const { return restarts_.load(std::memory_order_relaxed); }
    bool allSaid() const { return unsaid_.load(std::memory_order_acquire) == 0; }  // all messages are in the socket
    bool hopeless() const { return hopeless_.load(std::memory_order_acquire); }  // cannot be started

 private:
    static constexpr std::uint64_t firstBackOffNs = 250000000;
    static constexpr int mostFailures = 3;  // deaths in a row, before any engine: then no offline render waits for it

    static const char* nameOf(Kind kind);
    static void* thread(void* self);
    void run();
    bool leaves(Launched& process);
    void start(Launched& process);
    void wait(const Launched& process);
    void gone(Launched& process, bool hung);
    void lose(const std::string& problem);

    bool hear(Launched& process);  // false: it is gone, or is none of ours
    bool take(const Message& message);
    void speak(const Launched& process);

    // Under the lock.
    void changed();
    void wake();
    void post(Message message);
    void greet(Instance& instance);
    void part(Instance& instance);
    void giveSession(const Instance& instance, int slot);

    const unsigned fork_;
    std::atomic<unsigned> serial_{0}, restarts_{0};
    std::atomic<bool> hopeless_{false};
    std::atomic<std::size_t> unsaid_{0};

    mutable std::mutex lock_;
    std::condition_variable heard_;
    std::vector<std::shared_ptr<Instance>> instances_;
    std::map<std::pair<std::string, long>, int> latencies_;
    std::shared_ptr<Bell> bell_;
    std::deque<Message> outbox_;
    Told told_;
    Descriptor wakeRead_, wakeWrite_;
    pthread_t thread_{};
    bool made_ = false, running_ = false, ended_ = false, hung_ = false;
    bool serving_ = false, allLatencies_ = false;
    std::uint64_t idleSinceNs_ = 0, launchAtNs_ = 0, backOffNs_ = 0;
    long nextId_ = 1;
    int failures_ = 0;
};

}  // namespace pisada
