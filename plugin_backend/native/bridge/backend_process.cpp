#include "backend_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sys/syscall.h>
#endif

extern char** environ;

namespace pisada {
namespace {

constexpr off_t longestLog = 1 << 20;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string under(const char* variableName, const char* homeFolder) {
    const std::string given = variable(variableName);
    return given.empty() ? variable("HOME") + homeFolder : given;
}

std::string configPath() {
    const std::string given = variable("PISADA_PLUGIN_CONFIG");
    return given.empty() ? under("XDG_CONFIG_HOME", "/.config") + "/pisada/plugin.conf" : given;
}

// The interpreter, or "" and the reason.
std::string interpreter(std::string& problem) {
    const std::string path = configPath();
    std::ifstream file(path);
    if (!file) {
        problem = path + ": cannot be read (" + std::strerror(errno) + "); run `pisada plugin install`";
        return "";
    }
    const std::string key = "interpreter ";
    std::string named;
    for (std::string line; named.empty() && std::getline(file, line);)
        if (line.compare(0, key.size(), key) == 0) named = line.substr(key.size());
    if (!named.empty() && named[0] == '/') return named;
    const std::string found = named.empty() ? "it names no interpreter" : "'" + named + "' is no whole path";
    problem = path + ": " + found + "; run `pisada plugin install`";  // a relative path would be looked up from the host's folder
    return "";
}

// The log file; it is emptied when it is long. If it cannot be written, there is no log.
Descriptor openLog() {
    const std::string path = logPath(), folder = path.substr(0, path.rfind('/'));
    ::mkdir(folder.substr(0, folder.rfind('/')).c_str(), 0700);
    ::mkdir(folder.c_str(), 0700);
    struct stat backendStatus {};
    const bool longOne = ::stat(path.c_str(), &backendStatus) == 0 && backendStatus.st_size > longestLog;
    const int mode = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (longOne ? O_TRUNC : 0);
    Descriptor log(::open(path.c_str(), mode, 0600));
    return log ? std::move(log) : Descriptor(::open("/dev/null", O_WRONLY | O_CLOEXEC));
}

// The host's environment, without the variables that change how Python or its libraries load.
std::vector<char*> environment() {
    std::vector<char*> kept;
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string_view text(*entry);
        const bool dropped = text.rfind("LD_PRELOAD=", 0) == 0 || text.rfind("LD_LIBRARY_PATH=", 0) == 0 ||
                             text.rfind("PYTHON", 0) == 0;
        if (!dropped) kept.push_back(*entry);
    }
    kept.push_back(nullptr);
    return kept;
}

int spawned(pid_t& pid, const std::string& path, const Descriptor& socket, const Descriptor& log) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawn_file_actions_adddup2(&files, log.number(), 2);
    posix_spawn_file_actions_adddup2(&files, socket.number(), 3);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    posix_spawn_file_actions_addclosefrom_np(&files, 4);
#endif
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setpgroup(&how, 0);  // Ctrl-C in the host must not end the backend
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> words{path, "-E", "-P", "-m", "render.plugin_server"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::vector<char*> variables = environment();
    const int failure = ::posix_spawn(&pid, path.c_str(), &files, &how, arguments.data(), variables.data());
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return failure;
}

}  // namespace

std::string logPath() { return under("XDG_CACHE_HOME", "/.cache") + "/pisada/plugin.log"; }

BackendProcess launch() {
    BackendProcess made;
    const std::string path = interpreter(made.problem);
    if (path.empty()) return made;
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        made.problem = std::string("no socket for the backend: ") + std::strerror(errno);
        return made;
    }
    made.socket = Descriptor(ends[0]);
    const Descriptor low(ends[1]), opened = openLog(), theirs = low.another(), log = opened.another();
    const int failure = theirs && log ? spawned(made.pid, path, theirs, log) : EMFILE;
    if (failure) {
        made.pid = -1;
        made.socket.close();
        const char* const advice = failure == EMFILE ? "close other plug-ins" : "run `pisada plugin install`";
        made.problem = path + ": cannot be started (" + std::strerror(failure) + "); " + advice;
        return made;
    }
#if defined(__linux__) && defined(SYS_pidfd_open)
    made.handle = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, made.pid, 0)));
#endif
    return made;
}

std::string reaped(BackendProcess& process, int graceMs) {
    process.socket.close();
    const pid_t pid = std::exchange(process.pid, pid_t{-1});
    if (pid < 0) return "";
    int status = 0;
    pid_t ended = 0;
    // A host that ignores SIGCHLD or waits for any child may have been first: ECHILD, and the number is free.
    const auto waited = [&](int how) {
        do ended = ::waitpid(pid, &status, how);
        while (ended < 0 && errno == EINTR);
        return ended != 0;
    };
    for (int left = graceMs; !waited(WNOHANG) && left > 0; left -= 5) ::poll(nullptr, 0, 5);
    if (ended == 0) {
#if defined(__linux__) && defined(SYS_pidfd_send_signal)
        if (process.handle) ::syscall(SYS_pidfd_send_signal, process.handle.number(), SIGKILL, nullptr, 0);
#endif
        if (!process.handle) ::kill(pid, SIGKILL);
        waited(0);
    }
    process.handle.close();
    if (ended > 0 && WIFSIGNALED(status)) return std::string("signal ") + std::to_string(WTERMSIG(status));
    return ended > 0 ? "exit status " + std::to_string(WEXITSTATUS(status)) : "reaped by the host";
}

}  // namespace pisada
