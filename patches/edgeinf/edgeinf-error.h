#pragma once

#include "llama-edgeinf.h"

#include <stdexcept>
#include <string>

// why the last call of this thread failed; llama_edgeinf_last_error() shows it
void edgeinf_set_error(const std::string & message);

// run fn, turn an exception into a value
template <typename R, typename F>
R edgeinf_guard(R on_exception, F && fn) {
    try {
        return fn();
    } catch (const std::exception & err) {
        edgeinf_set_error(err.what());
    } catch (...) {
        edgeinf_set_error("unknown C++ exception");
    }
    return on_exception;
}
