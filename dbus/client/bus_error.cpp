#include "client/bus_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

namespace rtnode::client {

namespace {

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

Exit exit_for(const std::string& name) {
    if (is_one_of(name, {"org.rtnode1.Error.NotAuthorized", "org.freedesktop.DBus.Error.AccessDenied",
                         "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"}))
        return Exit::not_authorized;
    if (is_one_of(name, {"org.rtnode1.Error.InvalidArgument", "org.rtnode1.Error.UnknownOption",
                         "org.rtnode1.Error.ProtectedKernelArgument", "org.rtnode1.Error.InvalidKernelArgument",
                         "org.freedesktop.DBus.Error.InvalidArgs"}))
        return Exit::usage;
    if (is_one_of(name, {"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
                         "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.NoServer",
                         "org.freedesktop.DBus.Error.Disconnected", "org.freedesktop.DBus.Error.Timeout",
                         "org.freedesktop.DBus.Error.TimedOut", "System.Error.ENOTCONN", "System.Error.ECONNRESET"}) ||
        name.starts_with("org.freedesktop.DBus.Error.Spawn"))
        return Exit::unreachable;
    return Exit::failed;
}

std::string told(const std::string& name, Exit exit, const std::string& message) {
    if (exit == Exit::unreachable)
        return fmt::format("rtnoded does not answer on the bus ({}); is it running? See: systemctl status rtnoded, or "
                           "give its bus with --bus-address",
                           message);
    if (name == "org.freedesktop.DBus.Error.UnknownObject")
        return fmt::format(
            "there is no such job or measurement any more, or there never was ({}); see: rtnodectl jobs, "
            "rtnodectl latency list",
            message);
    if (is_one_of(name, {"org.freedesktop.DBus.Error.UnknownMethod", "org.freedesktop.DBus.Error.UnknownInterface",
                         "org.freedesktop.DBus.Error.UnknownProperty"}))
        return fmt::format("rtnoded can't do this ({}); it is older than rtnodectl: compare them with rtnodectl "
                           "version, and restart rtnoded after an upgrade",
                           message);
    if (exit == Exit::not_authorized && name != "org.rtnode1.Error.NotAuthorized")
        return fmt::format("the bus lets nothing through to rtnoded ({}); run this as root, and look at "
                           "/usr/share/dbus-1/system.d/org.rtnode1.conf",
                           message);
    return message;
}

} // namespace

ClientError client_error(const std::string& name, const std::string& message) {
    const Exit exit = exit_for(name);
    return ClientError(exit, name, told(name, exit, message));
}

} // namespace rtnode::client
