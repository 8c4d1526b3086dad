#include "backend.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace pisada {
namespace {

constexpr std::uint64_t msNs = 1000000, lingerNs = 1000 * msNs, longestBackOffNs = 5000 * msNs;
constexpr int graceMs = 2000, graceAtEndMs = 500;

std::atomic<unsigned> forks{0};
std::atomic<int> controlSocket{-1};

// In a fork of the host: the socket is the parent's. If it stayed open here, the backend would outlive the parent.
void forked() {
    forks.fetch_add(1);
    if (const int socket = controlSocket.exchange(-1); socket >= 0) ::close(socket);
}

}  // namespace

const char* Backend::nameOf(Kind kind) { return kind == Kind::effect ? "effect" : "instrument"; }

std::shared_ptr<Backend> Backend::shared() {
    struct Holder {
        Holder() { ::pthread_atfork(nullptr, nullptr, forked); }
        ~Holder() { backend->end(); }
        std::mutex lock;
        std::shared_ptr<Backend> backend = std::make_shared<Backend>();
    };
    static Holder holder;
    const std::lock_guard guard(holder.lock);
    if (!holder.backend->ours()) {
        new std::shared_ptr<Backend>(holder.backend);  // the parent's: not touched
        holder.backend = std::make_shared<Backend>();
    }
    return holder.backend;
}

Backend::Backend() : fork_(forks.load()) {}

Backend::~Backend() {
    if (!ours()) wakeRead_.forget(), wakeWrite_.forget();
}

bool Backend::ours() const { return fork_ == forks.load(std::memory_order_relaxed); }

std::shared_ptr<WakeUp> Backend::add(const std::shared_ptr<Instance>& instance) {
    const std::lock_guard guard(lock_);
    if (std::find(instances_.begin(), instances_.end(), instance) == instances_.end()) instances_.push_back(instance);
    if (!instance->unusable) instance->problem.clear();
    if (!running_ && !ended_) {
        if (made_) ::pthread_join(thread_, nullptr);
        bell_ = std::make_shared<WakeUp>(doorbellIsSocket());
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0)  // in one call: another thread of the host may be starting a program
            wakeRead_ = Descriptor(ends[0]), wakeWrite_ = Descriptor(ends[1]);
        launchAtNs_ = 0, backOffNs_ = firstBackOffNs, failures_ = 0;
        hopeless_ = false;
        backendStatus_ = BackendStatus();
        pthread_attr_t how;  // a normal thread, even if the host's is not; the host handles signals
        sched_param priority{};
        sigset_t all, before;
        ::pthread_attr_init(&how);
        ::pthread_attr_setinheritsched(&how, PTHREAD_EXPLICIT_SCHED);
        ::pthread_attr_setschedpolicy(&how, SCHED_OTHER);
        ::pthread_attr_setschedparam(&how, &priority);
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before);
        made_ = running_ = wakeRead_ && *bell_ && ::pthread_create(&thread_, &how, &Backend::thread, this) == 0;
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        ::pthread_attr_destroy(&how);
        if (!running_) {
            backendStatus_.state = BackendStatus::State::failed;
            backendStatus_.problem = "no thread, memory or descriptors for the backend: the system's limits are reached";
            hopeless_ = true;
        }
        changed();
    }
    wake();
    return bell_;
}

void Backend::remove(const std::shared_ptr<Instance>& instance) {
    const std::lock_guard guard(lock_);
    instances_.erase(std::remove(instances_.begin(), instances_.end(), instance), instances_.end());
    part(*instance);
    if (instances_.empty()) idleSinceNs_ = nowNs();
    wake();
}

int Backend::awaitLatency(Kind kind, double rateHz, int ms) {
    std::unique_lock guard(lock_);
    const std::pair<std::string, long> key{nameOf(kind), std::lround(rateHz)};
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
    const auto known = [&] { return latencies_.count(key) || allLatencies_ || hopeless_; };
    received_.wait_until(guard, until, known);
    const auto found = latencies_.find(key);
    return found == latencies_.end() || rateHz != std::round(rateHz) ? -1 : found->second;
}

void Backend::open(Instance& instance, std::shared_ptr<Memory> memory, std::shared_ptr<SocketPair> answers,
                   int latency) {
    const std::lock_guard guard(lock_);
    part(instance);
    instance.memory = std::move(memory);
    instance.answers = std::move(answers);
    instance.engineLatency = latency;
    instance.id = nextId_++;
    instance.opened = false;
    instance.unusable = false;
    instance.problem.clear();
    if (serving_) greet(instance);
    changed();
    wake();
}

void Backend::refuse(Instance& instance, const std::string& problem) {
    const std::lock_guard guard(lock_);
    part(instance);
    const bool spoken = !backendStatus_.model.empty(), useless = latencies_.empty() && !backendStatus_.problem.empty();
    const bool reason = hopeless_ || useless || backendStatus_.state == BackendStatus::State::lost;
    instance.problem = reason ? "" : spoken ? problem : "the backend has not started yet: stop and start playback once";
    instance.unusable = true;
    changed();
    wake();
}

void Backend::session(Instance& instance, int slot, Instance::Session session) {
    const std::lock_guard guard(lock_);
    instance.sessions[slot] = std::move(session);
    if (!instance.unusable) instance.problem.clear();
    if (instance.memory && !instance.unusable) giveSession(instance, slot);
    wake();
}

void Backend::restartHung() {
    const std::lock_guard guard(lock_);
    if (!serving_) return;
    lose("the backend did not answer, and is started again; " + logPath() + " may say why");
    hung_ = true;
    changed();
    wake();
}

void Backend::end() {
    if (!ours()) return;
    {
        const std::lock_guard guard(lock_);
        ended_ = true;
        wake();
    }
    if (made_) ::pthread_join(thread_, nullptr);
    made_ = false;
}

BackendStatus Backend::backendStatus(const Instance& instance) const {
    const std::lock_guard guard(lock_);
    BackendStatus backendStatus = backendStatus_;
    if (instance.unusable || (instance.memory && instance.memory->state().load() == tables::stateFailed))
        backendStatus.state = BackendStatus::State::failed;
    else if (backendStatus.state == BackendStatus::State::ready && !instance.opened)
        backendStatus.state = BackendStatus::State::starting;
    if (!instance.problem.empty()) backendStatus.problem = instance.problem;
    backendStatus.serial = serial();
    return backendStatus;
}

float Backend::hopMs(const Instance& instance) const {
    const std::lock_guard guard(lock_);
    return instance.memory ? 1e-6f * static_cast<float>(instance.memory->hopNs().load(std::memory_order_relaxed)) : 0;
}

void* Backend::thread(void* self) {
    static_cast<Backend*>(self)->run();
    return nullptr;
}

void Backend::run() {
    BackendProcess process;
    while (!leaves(process)) {
        if (process.pid < 0) start(process);
        wait(process);
        if (process.pid < 0) continue;
        bool hung = false;
        {
            const std::lock_guard guard(lock_);
            std::swap(hung, hung_);
        }
        if (hung || !hear(process)) gone(process, hung);
        speak(process);
    }
}

// Whether no instance is left. Then the process has ended, and the thread may end.
bool Backend::leaves(BackendProcess& process) {
    bool last;
    {
        const std::lock_guard guard(lock_);
        if (!ended_ && (!instances_.empty() || nowNs() < idleSinceNs_ + lingerNs)) return false;
        serving_ = allLatencies_ = false;
        outbox_.clear();
        unsent_ = 0;
        latencies_.clear();
        backendStatus_ = BackendStatus();
        last = ended_;
        if (last) hopeless_ = true;
    }
    controlSocket = -1;
    reaped(process, last ? graceAtEndMs : graceMs);
    const std::lock_guard guard(lock_);
    launchAtNs_ = 0;
    if (!ended_ && !instances_.empty()) return false;  // a new instance came while it ended
    running_ = false;
    bell_.reset();
    wakeRead_.close(), wakeWrite_.close();
    return true;
}

void Backend::start(BackendProcess& process) {
    {
        const std::lock_guard guard(lock_);
        if (instances_.empty() || nowNs() < launchAtNs_) return;
    }
    process = launch();
    controlSocket = process.socket.number();
    const std::lock_guard guard(lock_);
    if (process.pid >= 0) return;
    launchAtNs_ = nowNs() + backOffNs_;
    backOffNs_ = std::min(2 * backOffNs_, longestBackOffNs);
    const bool same = backendStatus_.state == BackendStatus::State::failed && backendStatus_.problem == process.problem;
    backendStatus_.state = BackendStatus::State::failed;
    backendStatus_.problem = process.problem;
    hopeless_ = true;
    if (!same) changed();
}

void Backend::wait(const BackendProcess& process) {
    pollfd waiting[2] = {{wakeRead_.number(), POLLIN, 0}, {process.socket.number(), POLLIN, 0}};
    std::int64_t ms = -1;
    {
        const std::lock_guard guard(lock_);
        if (!outbox_.empty()) waiting[1].events |= POLLOUT;
        const std::uint64_t now = nowNs(), until = instances_.empty() ? idleSinceNs_ + lingerNs : launchAtNs_;
        if (instances_.empty() || process.pid < 0) ms = until > now ? std::int64_t((until - now) / msNs + 1) : 0;
    }
    ::poll(waiting, process.socket ? 2 : 1, static_cast<int>(ms));
    char bytes[64];
    while (::read(wakeRead_.number(), bytes, sizeof bytes) > 0) {}
}

// The process has ended or is unusable: another is started after a while.
void Backend::gone(BackendProcess& process, bool hung) {
    controlSocket = -1;
    const std::string end = reaped(process, hung ? 0 : graceMs);
    const std::lock_guard guard(lock_);
    if (!hung && failures_ < mostFailures)
        lose("the backend ended (" + end + "), and is started again; " + logPath() + " may say why");
    launchAtNs_ = nowNs() + (failures_ < mostFailures ? backOffNs_ : longestBackOffNs);
    backOffNs_ = std::min(2 * backOffNs_, longestBackOffNs);
    if (++failures_ >= mostFailures) {
        hopeless_ = true;
        backendStatus_.state = BackendStatus::State::failed;
    }
    changed();
}

// The engines are lost. Set unready first, then count: a reader that reads the count first and ready after it, and later
// finds the same count, has a running engine.
void Backend::lose(const std::string& problem) {
    serving_ = false;
    backendStatus_.state = BackendStatus::State::lost;
    backendStatus_.problem = problem;
    restarts_.fetch_add(1, std::memory_order_relaxed);
    outbox_.clear();
    unsent_ = 0;
    for (const auto& instance : instances_) {
        instance->opened = false;
        if (instance->memory) instance->memory->state().store(tables::stateStarting, std::memory_order_release);
        instance->lost.fetch_add(1, std::memory_order_acq_rel);
    }
}

void Backend::changed() {
    serial_.fetch_add(1, std::memory_order_acq_rel);
    received_.notify_all();
}

void Backend::wake() {
    const char byte = 0;
    if (wakeWrite_) while (::write(wakeWrite_.number(), &byte, 1) < 0 && errno == EINTR) {}
}

}  // namespace pisada
