#include "backend.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

namespace pisada {
namespace {

constexpr std::uint64_t msNs = 1000000, lingerNs = 1000 * msNs;
constexpr std::uint64_t firstBackOffNs = 250 * msNs, longestBackOffNs = 5000 * msNs;
constexpr int graceMs = 2000, graceAtEndMs = 500;
constexpr int mostFailures = 3;  // deaths in a row, before any engine, after which offline renders do not wait for it

std::atomic<unsigned> forks{0};
std::atomic<int> controlSocket{-1};

// In a fork of the host: the socket is the parent's; open here it would keep the backend alive after the parent's end.
void forked() {
    forks.fetch_add(1);
    if (const int socket = controlSocket.exchange(-1); socket >= 0) ::close(socket);
}

const char* nameOf(Kind kind) { return kind == Kind::effect ? "effect" : "instrument"; }

}  // namespace

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
        new std::shared_ptr<Backend>(holder.backend);  // the parent's: left as it lies
        holder.backend = std::make_shared<Backend>();
    }
    return holder.backend;
}

Backend::Backend() : fork_(forks.load()) {}

Backend::~Backend() {
    if (!ours()) wakeRead_.forget(), wakeWrite_.forget();
}

bool Backend::ours() const { return fork_ == forks.load(std::memory_order_relaxed); }

std::shared_ptr<Bell> Backend::add(const std::shared_ptr<Instance>& instance) {
    const std::lock_guard guard(lock_);
    if (std::find(instances_.begin(), instances_.end(), instance) == instances_.end()) instances_.push_back(instance);
    if (!instance->unusable) instance->problem.clear();
    if (!running_ && !ended_) {
        if (made_) ::pthread_join(thread_, nullptr);
        bell_ = std::make_shared<Bell>(doorbellIsSocket());
        int ends[2];
        if (::pipe(ends) == 0) {
            for (int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC), ::fcntl(end, F_SETFL, O_NONBLOCK);
            wakeRead_ = Descriptor(ends[0]), wakeWrite_ = Descriptor(ends[1]);
        }
        launchAtNs_ = 0, backOffNs_ = firstBackOffNs, failures_ = 0;
        hopeless_ = false;
        told_ = Told();
        pthread_attr_t how;  // an ordinary thread, even where the host's is not; its signals are the host's business
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
            told_.state = Told::State::failed;
            told_.problem = "no thread, memory or descriptors for the backend: the system's limits are reached";
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
    heard_.wait_until(guard, until, known);
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
    const bool spoken = !told_.model.empty(), useless = latencies_.empty() && !told_.problem.empty();
    const bool reason = hopeless_ || useless || told_.state == Told::State::lost;
    instance.problem = reason ? "" : spoken ? problem : "the backend has not spoken yet: stop and start playback once";
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

Told Backend::told(const Instance& instance) const {
    const std::lock_guard guard(lock_);
    Told told = told_;
    if (instance.unusable || (instance.memory && instance.memory->state().load() == tables::stateFailed))
        told.state = Told::State::failed;
    else if (told.state == Told::State::ready && !instance.opened)
        told.state = Told::State::starting;
    if (!instance.problem.empty()) told.problem = instance.problem;
    told.serial = serial();
    return told;
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
    Launched process;
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

// Whether nobody is left; then the process has ended, and so may the thread.
bool Backend::leaves(Launched& process) {
    bool last;
    {
        const std::lock_guard guard(lock_);
        if (!ended_ && (!instances_.empty() || nowNs() < idleSinceNs_ + lingerNs)) return false;
        serving_ = allLatencies_ = false;
        outbox_.clear();
        unsaid_ = 0;
        latencies_.clear();
        told_ = Told();
        last = ended_;
        if (last) hopeless_ = true;
    }
    controlSocket = -1;
    reaped(process, last ? graceAtEndMs : graceMs);
    const std::lock_guard guard(lock_);
    launchAtNs_ = 0;
    if (!ended_ && !instances_.empty()) return false;  // one came while it ended
    running_ = false;
    bell_.reset();
    wakeRead_.close(), wakeWrite_.close();
    return true;
}

void Backend::start(Launched& process) {
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
    const bool same = told_.state == Told::State::failed && told_.problem == process.problem;
    told_.state = Told::State::failed;
    told_.problem = process.problem;
    hopeless_ = true;
    if (!same) changed();
}

void Backend::wait(const Launched& process) {
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

bool Backend::hear(Launched& process) {
    for (Message message;;) {
        const Received received = receive(process.socket.number(), message);
        if (received != Received::one) return received == Received::none;
        const std::lock_guard guard(lock_);
        if (!take(message)) return false;
        changed();
    }
}

bool Backend::take(const Message& message) {
    const std::string& verb = message.verb;
    if ((!latencies_.empty() && verb != "latency") || verb == "problem" || verb == "ready") allLatencies_ = true;
    if (verb == "hello") {
        if (message.number("version") != static_cast<long>(tables::version)) {
            lose("the backend is of another version (" + message.text("version") + ", not " +
                 std::to_string(tables::version) + "); run `pisada plugin install`");
            failures_ = mostFailures;
            return false;
        }
        latencies_.clear();
        allLatencies_ = false;
        hopeless_ = false;
        told_.bank.clear();
        if (told_.state == Told::State::failed) told_.state = Told::State::starting, told_.problem.clear();
        told_.model = message.text("model");
        told_.fingerprint = message.text("fingerprint");
        told_.edition = message.text("edition");
        told_.latents = static_cast<int>(message.number("latents"));
    } else if (verb == "latency") {
        latencies_[{message.text("kind"), message.number("rate_hz")}] =
            static_cast<int>(std::clamp(message.number("samples"), 0l, 1l << 22));
    } else if (verb == "preset" && told_.bank.size() < tables::parameters[tables::index_preset].high) {
        told_.bank.push_back({static_cast<int>(message.number("number")), message.text("name"), message.text("sort"),
                              message.text("digest"), message.text("path"), message.text("description")});
    } else if (verb == "ready") {
        if (told_.state == Told::State::lost) told_.problem.clear();
        told_.state = Told::State::ready;
        serving_ = true;
        failures_ = 0, backOffNs_ = firstBackOffNs;
        hopeless_ = false;
        outbox_.clear();
        Message bell{"bell", {{"kind", bell_->isSocket() ? "socket" : "futex"}}, {}};
        bell.descriptors.push_back(bell_->descriptor().another());
        post(std::move(bell));
        for (const auto& instance : instances_)
            if (instance->memory) greet(*instance);
    } else if (verb == "died") {
        lose("the backend crashed (" + message.text("how") + "), and is started again");
        if (++failures_ >= mostFailures) hopeless_ = true;
    } else if (verb == "problem" && message.number("id") == 0) {
        told_.problem = message.text("text");
    } else if (verb == "problem" || verb == "opened") {
        for (const auto& instance : instances_)
            if (instance->id == message.number("id") && instance->memory)
                verb == "opened" ? void(instance->opened = true) : void(instance->problem = message.text("text"));
    }
    return true;
}

void Backend::speak(const Launched& process) {
    if (process.pid < 0) return;
    const std::lock_guard guard(lock_);
    for (; !outbox_.empty(); outbox_.pop_front()) {
        const Sent sent = send(process.socket.number(), outbox_.front());
        if (sent == Sent::later) break;
        if (sent == Sent::yes || errno == EPIPE || errno == ECONNRESET) continue;  // its end is heard of anyway
        told_.problem = "the backend could not be told '" + outbox_.front().verb + "': " + std::strerror(errno);
        changed();
    }
    unsaid_ = outbox_.size();
}

// The whole process is gone, or of no use: another is started after a while.
void Backend::gone(Launched& process, bool hung) {
    controlSocket = -1;
    const std::string end = reaped(process, hung ? 0 : graceMs);
    const std::lock_guard guard(lock_);
    if (!hung && failures_ < mostFailures)
        lose("the backend ended (" + end + "), and is started again; " + logPath() + " may say why");
    launchAtNs_ = nowNs() + (failures_ < mostFailures ? backOffNs_ : longestBackOffNs);
    backOffNs_ = std::min(2 * backOffNs_, longestBackOffNs);
    if (++failures_ >= mostFailures) {
        hopeless_ = true;
        told_.state = Told::State::failed;
    }
    changed();
}

// No engine is there any more. First counted, then unready: who sees it ready with the same count has a living one.
void Backend::lose(const std::string& problem) {
    serving_ = false;
    told_.state = Told::State::lost;
    told_.problem = problem;
    restarts_.fetch_add(1, std::memory_order_relaxed);
    outbox_.clear();
    unsaid_ = 0;
    for (const auto& instance : instances_) {
        instance->opened = false;
        instance->lost.fetch_add(1, std::memory_order_acq_rel);
        if (instance->memory) instance->memory->state().store(tables::stateStarting, std::memory_order_release);
    }
}

void Backend::changed() {
    serial_.fetch_add(1, std::memory_order_acq_rel);
    heard_.notify_all();
}

void Backend::wake() {
    const char byte = 0;
    if (wakeWrite_) while (::write(wakeWrite_.number(), &byte, 1) < 0 && errno == EINTR) {}
}

void Backend::post(Message message) {
    if (serving_) outbox_.push_back(std::move(message));
    unsaid_ = outbox_.size();
}

void Backend::greet(Instance& instance) {
    const Memory& memory = *instance.memory;
    const auto found = latencies_.find({nameOf(instance.kind), std::lround(memory.rateHz)});
    const bool fits = found != latencies_.end() && found->second == instance.engineLatency;
    instance.problem = fits ? "" : "the backend came late, or is another: stop and start playback once";
    instance.unusable = !fits;
    changed();
    if (!fits) return;
    Message open{"open", {{"id", std::to_string(instance.id)}, {"kind", nameOf(instance.kind)}, {"seed", "0"}}, {}};
    open.descriptors.push_back(memory.descriptor().another());
    if (instance.answers && *instance.answers) open.descriptors.push_back(instance.answers->theirs().another());
    post(std::move(open));
    for (int slot : {0, 1})
        if (!instance.sessions[slot].bytes.empty()) giveSession(instance, slot);
}

void Backend::part(Instance& instance) {
    if (!instance.memory) return;
    instance.memory->closed().store(1, std::memory_order_release);
    post({"close", {{"id", std::to_string(instance.id)}}, {}});
    if (bell_) bell_->ring();
    instance.memory.reset();
    instance.answers.reset();
    instance.opened = false;
}

void Backend::giveSession(const Instance& instance, int slot) {
    const Instance::Session& session = instance.sessions[slot];
    const std::string id = std::to_string(instance.id), name = slot ? "b" : "a";
    const auto older = [&](const Message& message) {
        return message.verb == "session" && message.text("id") == id && message.text("slot") == name;
    };
    outbox_.erase(std::remove_if(outbox_.begin(), outbox_.end(), older), outbox_.end());
    Message message{"session", {{"id", id}, {"slot", name}, {"name", session.name}}, {}};
    if (!session.bytes.empty()) {
        Descriptor file = sharedMemory(session.bytes.size());
        std::size_t at = 0;
        while (file && at < session.bytes.size()) {
            const std::size_t left = session.bytes.size() - at;
            const ssize_t count = ::pwrite(file.number(), session.bytes.data() + at, left, off_t(at));
            if (count <= 0 && errno != EINTR) file.close();
            if (count > 0) at += static_cast<std::size_t>(count);
        }
        if (!file) {
            told_.problem = session.name + ": no memory to hand the preset over";
            return changed();
        }
        message.descriptors.push_back(std::move(file));
    }
    post(std::move(message));
}

}  // namespace pisada
