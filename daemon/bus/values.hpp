#pragma once
// Values as D-Bus dictionaries.

#include "bus/options.hpp"
#include "latency/compare/compare.hpp"
#include "state/deployment.hpp"
#include "state/repository.hpp"

#include <string>
#include <vector>

namespace rtnode::bus {

/// A JSON object: strings are s, booleans b, whole numbers t (x below zero), fractions d, lists of strings as, lists of
/// whole numbers at, lists of objects aa{sv}, objects a{sv}. An empty list is as; null is left out; other lists are as
/// of their elements' JSON. @throws Error{Internal} when it isn't an object
Dictionary dictionary_of(const std::string& json);

/// A row of Manager's ListRepositories.
Dictionary dictionary_of(const Repository& repository);

/// What Latency's Compare answers, without which runs they are.
Dictionary dictionary_of(const latency::Comparison& comparison);

/// The row of Manager's property Deployments.
Dictionary dictionary_of(const Deployment& deployment);

} // namespace rtnode::bus
