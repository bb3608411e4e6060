#pragma once

namespace rtnode::rpm {

/// Reads librpm's own configuration, once a process; later calls do nothing. Everything in this folder calls it, but
/// a process that changes its root must have called it before. @throws Error{Internal}
void read_configuration();

} // namespace rtnode::rpm
