// Messages of plugin_backend/daw_plugin/ipc_messages.py: a verb, `key value` lines, and file descriptors.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "file_descriptor.hpp"

namespace pisada {

constexpr std::size_t longestMessage = 8192;

struct Message {
    std::string verb;
    std::map<std::string, std::string> values;
    std::vector<Descriptor> descriptors;

    std::string text(const std::string& key) const {
        const auto found = values.find(key);
        return found == values.end() ? std::string() : found->second;
    }
    long number(const std::string& key, long otherwise = 0) const {
        const std::string value = text(key);
        char* end = nullptr;
        const long result = std::strtol(value.c_str(), &end, 10);
        return value.empty() || *end ? otherwise : result;
    }
};

inline std::string packed(const Message& message) {
    std::string text = message.verb;
    for (const auto& [key, value] : message.values) {
        text += "\n" + key + " ";
        for (char c : value.substr(0, 2000)) text += static_cast<unsigned char>(c) < 32 || c == 127 ? ' ' : c;
    }
    if (text.size() > longestMessage) text.resize(longestMessage);
    while (!text.empty() && text.size() == longestMessage && (text.back() & 0xC0) == 0x80) text.pop_back();
    return text;
}

inline Message unpacked(std::string_view text) {
    Message message;
    for (bool first = true; !text.empty() || first; first = false) {
        const auto end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        const auto space = line.find(' ');
        if (first)
            message.verb = line;
        else
            message.values[std::string(line.substr(0, space))] =
                space == std::string_view::npos ? std::string() : std::string(line.substr(space + 1));
    }
    return message;
}

enum class Sent { yes, later, never };  // later: the socket is full

inline Sent send(int socket, const Message& message) {
    std::string text = packed(message);
    iovec part{text.data(), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (const std::size_t count = message.descriptors.size(); count > 0 && count <= 4) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        for (std::size_t i = 0; i < count; ++i) {
            const int number = message.descriptors[i].number();
            std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &number, sizeof number);
        }
    }
    for (;;) {
        if (::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Sent::yes;
        if (errno == EINTR) continue;
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? Sent::later : Sent::never;
    }
}

enum class Received { one, none, end };

// Received descriptors are ignored: the backend sends none.
inline Received receive(int socket, Message& message) {
    char text[longestMessage];
    for (;;) {
        const ssize_t count = ::recv(socket, text, sizeof text, MSG_DONTWAIT);
        if (count > 0) return message = unpacked({text, static_cast<std::size_t>(count)}), Received::one;
        if (count < 0 && errno == EINTR) continue;
        return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? Received::none : Received::end;
    }
}

}  // namespace pisada
