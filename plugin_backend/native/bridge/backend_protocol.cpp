// Messages to and from the backend process; see plugin_backend/daw_plugin/ipc_messages.py.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend.hpp"

namespace pisada {

bool Backend::hear(BackendProcess& process) {
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
        backendStatus_.bank.clear();
        if (backendStatus_.state == BackendStatus::State::failed) backendStatus_.state = BackendStatus::State::starting, backendStatus_.problem.clear();
        backendStatus_.model = message.text("model");
        backendStatus_.fingerprint = message.text("fingerprint");
        backendStatus_.edition = message.text("edition");
        backendStatus_.latents = static_cast<int>(message.number("latents"));
    } else if (verb == "latency") {
        latencies_[{message.text("kind"), message.number("rate_hz")}] =
            static_cast<int>(std::clamp(message.number("samples"), 0l, 1l << 22));
    } else if (verb == "preset" && backendStatus_.bank.size() < tables::parameters[tables::index_preset].high) {
        backendStatus_.bank.push_back({static_cast<int>(message.number("number")), message.text("name"), message.text("sort"),
                              message.text("digest"), message.text("path"), message.text("description")});
    } else if (verb == "ready") {
        if (backendStatus_.state == BackendStatus::State::lost) backendStatus_.problem.clear();
        backendStatus_.state = BackendStatus::State::ready;
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
        backendStatus_.problem = message.text("text");
    } else if (verb == "problem" || verb == "opened") {
        for (const auto& instance : instances_)
            if (instance->id == message.number("id") && instance->memory)
                verb == "opened" ? void(instance->opened = true) : void(instance->problem = message.text("text"));
    }
    return true;
}

void Backend::speak(const BackendProcess& process) {
    if (process.pid < 0) return;
    const std::lock_guard guard(lock_);
    for (; !outbox_.empty(); outbox_.pop_front()) {
        const Sent sent = send(process.socket.number(), outbox_.front());
        if (sent == Sent::later) break;
        if (sent == Sent::yes || errno == EPIPE || errno == ECONNRESET) continue;  // its end is detected elsewhere
        backendStatus_.problem = "the backend did not receive '" + outbox_.front().verb + "': " + std::strerror(errno);
        changed();
    }
    unsent_ = outbox_.size();
}

void Backend::post(Message message) {
    if (serving_) outbox_.push_back(std::move(message));
    unsent_ = outbox_.size();
}

void Backend::greet(Instance& instance) {
    const Memory& memory = *instance.memory;
    const auto found = latencies_.find({nameOf(instance.kind), std::lround(memory.rateHz)});
    const bool fits = found != latencies_.end() && found->second == instance.engineLatency;
    instance.problem = fits ? "" : "the backend started late, or is a new one: stop and start playback once";
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
            backendStatus_.problem = session.name + ": no memory to send the preset to the backend";
            return changed();
        }
        message.descriptors.push_back(std::move(file));
    }
    post(std::move(message));
}

}  // namespace pisada
