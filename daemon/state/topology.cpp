#include "state/topology.hpp"

#include <algorithm>

namespace rtnode {

bool NodeTopology::smt() const {
    return std::any_of(cpus.begin(), cpus.end(), [](const Cpu& cpu) { return cpu.siblings.size() > 1; });
}

} // namespace rtnode
