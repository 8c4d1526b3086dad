// Starting and ending the backend's process.
#pragma once

#include <sys/types.h>

#include <string>

#include "descriptor.hpp"

namespace pisada {

struct Launched {
    pid_t pid = -1;
    Descriptor handle;   // of the process where the system has such (pidfd): never another's that took its number
    Descriptor socket;   // the control socket; the process has its other end as descriptor 3
    std::string problem; // of a launch that failed; one line
};

// Reads the config file and starts the interpreter it names. Looks everything up anew at each call.
Launched launch();

// Where the process's standard error goes.
std::string logPath();

// Waits up to `graceMs` for it to end, then kills it; leaves no zombie. Tells how it ended, in words.
std::string reaped(Launched& process, int graceMs);

}  // namespace pisada
