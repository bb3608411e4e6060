#pragma once
// Who calls, and whether they may. Asynchronous: a synchronous call would hold up the whole daemon.

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sdbus {
class IConnection;
class IProxy;
class Message;
} // namespace sdbus

namespace rtnode::bus {

inline constexpr const char* action_change = "org.rtnode1.change";
inline constexpr const char* action_allow_unsigned = "org.rtnode1.allow-unsigned";
inline constexpr const char* action_reboot = "org.rtnode1.reboot";
inline constexpr const char* action_measure = "org.rtnode1.measure";

struct Caller {
    std::string bus_name; ///< ":1.42"
    uid_t uid = static_cast<uid_t>(-1);
    pid_t pid = 0;
    bool root = false; ///< uid 0 as the bus saw it, and of our own user namespace

    std::string text() const; ///< "uid 0, pid 4711, unit debug.service"
};

class Authority {
  public:
    struct Question {
        std::string bus_name;
        bool interactive = false; ///< the caller waits for a password to be asked for
        std::vector<std::string> actions;
        std::map<std::string, std::string> details; ///< for polkit's rules
    };

    explicit Authority(sdbus::IConnection& connection);
    ~Authority();

    /// Root of our user namespace passes; others by polkit, for each of the actions; without polkit they are refused.
    /// Exactly one of the two is called, later; refused with Error{NotAuthorized}.
    void ask(Question question, std::function<void(const Caller&)> allowed,
             std::function<void(const std::exception&)> refused);

    /// Sender and interactive flag of the message that is being handled.
    static Question question(const sdbus::Message& message, std::vector<std::string> actions);

  private:
    struct Asked;
    void on_credentials(const std::shared_ptr<Asked>& asked);
    void ask_polkit(const std::shared_ptr<Asked>& asked);

    std::unique_ptr<sdbus::IProxy> bus_;
    std::unique_ptr<sdbus::IProxy> polkit_;
};

} // namespace rtnode::bus
