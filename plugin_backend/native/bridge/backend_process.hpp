// Start and end the backend process.
#pragma once

#include <sys/types.h>

#include <string>

#include "file_descriptor.hpp"

namespace pisada {

struct BackendProcess {
    pid_t pid = -1;
    Descriptor handle;   // of the process, if the system has pidfds: never of another process with the same number
    Descriptor socket;   // the control socket; the process has the other end as descriptor 3
    std::string problem; // why the start failed; one line
};

// Reads the config file and starts the interpreter named in it. Nothing is kept from an earlier call.
BackendProcess launch();

// Where the process's standard error goes.
std::string logPath();

// Waits up to `graceMs` for it to end, then kills it; leaves no zombie. Returns how it ended, in words.
std::string reaped(BackendProcess& process, int graceMs);

}  // namespace pisada
