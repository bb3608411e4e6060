#include "latency/machine/culprit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace rtnode::latency {
namespace {

constexpr std::string_view timer_interrupt = "timer interrupt";
constexpr std::string_view idle = "the CPU was idle";
constexpr std::string_view unseen = "nothing of the kernel had the CPU for ";
/// An event's time is rounded to whole microseconds, so it may stand a little outside of the time that it belongs to.
constexpr std::int64_t rounding_ns = 1000;

/// What stands between `before` and the next `after`; nothing when one of them is missing. The last `before` counts:
/// names of threads come first and may hold anything.
std::optional<std::string_view> between(std::string_view text, std::string_view before, std::string_view after) {
    const auto start = text.rfind(before);
    if (start == std::string_view::npos) return std::nullopt;
    text.remove_prefix(start + before.size());
    const auto end = after.empty() ? text.size() : text.find(after);
    if (end == std::string_view::npos) return std::nullopt;
    return text.substr(0, end);
}

template <typename Number>
std::optional<Number> number(std::optional<std::string_view> text) {
    Number value{};
    if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{})
        return std::nullopt;
    return value;
}

/// Anybody may name a thread by any bytes; the signal of a spike whose hint isn't UTF-8 would never leave the daemon.
std::string printable(std::string_view name) {
    std::string text(name);
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
}

/// By the kernel's own scale: below 100 real-time, 120 is nice 0.
std::string thread_name(std::string_view name, int id, int priority) {
    if (id == 0) return std::string(idle);
    const auto how = priority < 0     ? std::string("deadline")
                     : priority < 100 ? fmt::format("real-time priority {}", 99 - priority)
                                      : fmt::format("nice {}", priority - 120);
    return fmt::format("thread {}:{} ({})", printable(name), id, how);
}

std::optional<TraceEvent> parse_switch(std::string_view fields) {
    const auto arrow = fields.rfind(" ==> next_comm=");
    if (arrow == std::string_view::npos) return std::nullopt;
    const auto previous = fields.substr(0, arrow), next = fields.substr(arrow);
    const auto thread = [](std::string_view part, std::string_view side) -> std::optional<std::string> {
        const auto id = fmt::format(" {}_pid=", side), priority = fmt::format(" {}_prio=", side);
        const auto comm = part.find(fmt::format("{}_comm=", side));
        const auto end = part.rfind(id);
        const auto pid = number<int>(between(part, id, " "));
        auto rest = between(part, priority, "");
        const auto prio = number<int>(rest);
        if (comm == std::string_view::npos || end == std::string_view::npos || !pid || !prio) return std::nullopt;
        const auto start = comm + side.size() + 6;
        return thread_name(part.substr(start, end - start), *pid, *prio);
    };
    const auto from = thread(previous, "prev"), to = thread(next, "next");
    if (!from || !to) return std::nullopt;
    return TraceEvent{.kind = TraceEvent::Kind::Switch, .name = *to, .before = *from};
}

std::string interrupt_name(int irq, std::string_view name) {
    return fmt::format("interrupt {} ({})", irq, name);
}

/// "local_timer" of "local_timer_entry", for people.
std::string vector_name(std::string_view vector) {
    if (vector == "local_timer") return std::string(timer_interrupt);
    std::string name(vector);
    std::replace(name.begin(), name.end(), '_', ' ');
    return name + " interrupt";
}

/// "local_timer:236 start 23.868693575 duration 4818 ns". By its end: a device's interrupt may be called anything.
std::optional<TraceEvent> parse_noise(std::string_view event, std::string_view fields) {
    const auto length = number<std::int64_t>(between(fields, " duration ", " ns"));
    if (!length) return std::nullopt;
    TraceEvent took{.kind = TraceEvent::Kind::Took, .name = "NMI", .length_ns = *length};
    if (event == "nmi_noise") return took;
    const auto source = fields.substr(0, std::min(fields.rfind(" start "), fields.size()));
    const auto colon = source.rfind(':');
    const auto irq = colon == std::string_view::npos ? std::nullopt : number<int>(source.substr(colon + 1));
    if (!irq) return std::nullopt;
    const auto name = source.substr(0, colon);
    const bool is_vector =
        std::find(interrupt_vectors.begin(), interrupt_vectors.end(), name) != interrupt_vectors.end();
    took.name = is_vector ? vector_name(name) : interrupt_name(*irq, name);
    return took;
}

std::optional<TraceEvent> parse_event(std::string_view event, std::string_view fields) {
    using Kind = TraceEvent::Kind;
    if (event == "sched_switch") return parse_switch(fields);
    if (event == "irq_handler_entry" || event == "irq_handler_exit") {
        const auto irq = number<int>(between(fields, "irq=", ""));
        if (!irq) return std::nullopt;
        if (event == "irq_handler_exit") return TraceEvent{.kind = Kind::Leave};
        return TraceEvent{.kind = Kind::Enter,
                          .name = interrupt_name(*irq, between(fields, "name=", "").value_or("?"))};
    }
    if (event == "softirq_exit") return TraceEvent{.kind = Kind::Leave};
    if (event == "softirq_entry")
        return TraceEvent{.kind = Kind::Enter,
                          .name = fmt::format("softirq {}", between(fields, "[action=", "]").value_or("?"))};
    if (event == "nmi_handler") {
        const auto length = number<std::int64_t>(between(fields, "delta_ns: ", " "));
        if (!length) return std::nullopt;
        return TraceEvent{.kind = Kind::Took, .name = "NMI", .length_ns = *length};
    }
    if (event == "irq_noise" || event == "nmi_noise") return parse_noise(event, fields);
    // irq_vectors: interrupts that no device has.
    if (fields.starts_with("vector=")) {
        if (event.ends_with("_entry"))
            return TraceEvent{.kind = Kind::Enter, .name = vector_name(event.substr(0, event.size() - 6))};
        if (event.ends_with("_exit")) return TraceEvent{.kind = Kind::Leave};
    }
    return std::nullopt;
}

/// "44982.656093" in ns.
std::optional<std::int64_t> time_of(std::string_view text) {
    const auto point = text.find('.');
    if (point == std::string_view::npos || text.size() - point != 7) return std::nullopt;
    const auto seconds = number<std::int64_t>(text.substr(0, point)), us = number<std::int64_t>(text.substr(point + 1));
    if (!seconds || !us) return std::nullopt;
    return *seconds * 1'000'000'000 + *us * 1000;
}

/// How the kernel's trace names a thread, whatever its name and priority are.
std::string tag_of(int thread) {
    return fmt::format(":{} (", thread);
}

bool has_tag(const std::string& name, const std::string& tag) {
    return name.find(tag) != std::string::npos;
}

/// How long something had the CPU.
struct Share {
    std::int64_t ns = 0;
    bool measured = false; ///< by the kernel, to the nanosecond; else from events' times, which are whole microseconds
};

/// Adds up who has the CPU. A thread's time is booked when it leaves: it may have another name and priority by then
/// (what was started meanwhile begins as its parent), and these are the ones that it ran with.
class Account {
  public:
    Account(std::int64_t from, std::int64_t to) : from_(from), to_(to), at_(from) {}
    /// @param thread that has the CPU at `from`
    /// @param tag by which it is known
    Account(std::int64_t from, std::int64_t to, std::string thread, std::string tag)
        : from_(from), to_(to), at_(from), thread_(std::move(thread)), tag_(std::move(tag)) {}

    void event(const TraceEvent& event) {
        if (event.kind == TraceEvent::Kind::Lost) return; // has no time
        const auto at = std::clamp(event.at_ns, from_, to_);
        const auto took_ns = event.kind == TraceEvent::Kind::Took ? std::min(event.length_ns, at - from_) : 0;
        pass(at, took_ns);
        switch (event.kind) {
        case TraceEvent::Kind::Switch:
            times_[event.before].ns += std::exchange(thread_ns_, 0);
            thread_ = event.name;
            above_.clear(); // nothing is switched inside an interrupt; an end was lost
            break;
        case TraceEvent::Kind::Enter:
            above_.push_back(event.name);
            break;
        case TraceEvent::Kind::Leave:
            if (!above_.empty()) above_.pop_back();
            break;
        case TraceEvent::Kind::Lost:
            return;
        case TraceEvent::Kind::Took:
            // It is told when it has ended; until now its time went to what it interrupted.
            top() -= took_ns;
            times_[event.name].ns += took_ns;
            times_[event.name].measured = true;
            break;
        }
    }
    const std::map<std::string, Share>& finish() {
        pass(to_);
        times_[thread_].ns += std::exchange(thread_ns_, 0);
        return times_;
    }
    /// The longest time on end in which nothing came between for the thread with the tag.
    std::int64_t longest_undisturbed() const { return longest_; }

  private:
    std::int64_t& top() { return above_.empty() ? thread_ns_ : times_[above_.back()].ns; }
    void pass(std::int64_t at, std::int64_t took_ns = 0) {
        top() += at - at_;
        if (above_.empty() && !tag_.empty() && has_tag(thread_, tag_))
            longest_ = std::max(longest_, at - at_ - took_ns);
        at_ = at;
    }

    std::int64_t from_, to_, at_, thread_ns_ = 0, longest_ = 0;
    std::string thread_; ///< that runs now, or is interrupted; "" = not known yet
    std::string tag_;
    std::vector<std::string> above_;
    std::map<std::string, Share> times_;
};

using Events = std::vector<TraceEvent>;

/// Whether the trace lacks something of the time between.
bool lacks_some(const Events& events, std::int64_t from, std::int64_t to) {
    std::optional<std::int64_t> before; // the last event's time
    bool lost = false;
    for (const auto& event : events) {
        if (event.kind == TraceEvent::Kind::Lost) {
            lost = true;
            continue;
        }
        if (lost && event.at_ns > from && before.value_or(from) <= to) return true;
        lost = false;
        before = event.at_ns;
    }
    return lost && before.value_or(from) <= to;
}

/// The name by which a thread had the CPU at a time; "" when another had it. The next switch says so as well as the
/// last one does, and one of them may be missing (seen: all that lead away from certain threads).
std::string runs_at(const Events& events, std::int64_t at, const std::string& tag) {
    std::string name;
    for (const auto& event : events) {
        if (event.kind != TraceEvent::Kind::Switch) continue;
        if (event.at_ns > at) {
            if (has_tag(event.before, tag)) return event.before;
            break;
        }
        name = event.name;
    }
    return has_tag(name, tag) ? name : "";
}

std::string share_text(std::string_view name, const Share& share, std::int64_t of_ns) {
    constexpr std::int64_t short_ns = 100'000; // of longer ones nobody minds a fraction of a microsecond
    const auto us = share.measured && share.ns < short_ns ? fmt::format("{:.1f}", static_cast<double>(share.ns) / 1000)
                                                          : fmt::format("{}", share.ns / 1000);
    return fmt::format("{} for {} µs of {} µs", name, us, of_ns / 1000);
}

/// Of a gap: the thread has the CPU before it and after it, and was not interrupted when it read the clock. So what the
/// trace says of earlier need not be believed: an interrupt whose end it lacks would have the CPU forever.
std::vector<std::string> culprits_in_gap(const Events& events, std::int64_t from, std::int64_t to,
                                         const std::string& self, const std::string& tag) {
    Account account(from, to, self, tag);
    for (const auto& event : events) {
        if (event.at_ns > to) break;
        if (event.at_ns >= from - rounding_ns) account.event(event);
    }
    std::vector<std::pair<std::int64_t, std::string>> longest;
    for (const auto& [name, share] : account.finish())
        if (share.ns >= rounding_ns && !has_tag(name, tag))
            longest.emplace_back(share.ns, share_text(name, share, to - from));
    // On end: some time before and after each interrupt isn't traced, and however many there are, that is the kernel's.
    const auto nobody = account.longest_undisturbed();
    const bool is_long = nobody >= 10'000 || nobody > (to - from) / 2;
    longest.emplace_back(nobody, fmt::format("{}{} µs of {} µs{}", unseen, nobody / 1000, (to - from) / 1000,
                                             is_long ? ": firmware (SMI) or a hypervisor" : ""));
    std::sort(longest.rbegin(), longest.rend());
    std::vector<std::string> words;
    for (auto& [ns, word] : longest)
        words.push_back(std::move(word));
    return words;
}

} // namespace

std::optional<TraceEvent> parse_trace_line(std::string_view line) {
    if (line.starts_with("CPU:") && line.find(" [LOST ") != std::string_view::npos)
        return TraceEvent{.kind = TraceEvent::Kind::Lost};
    // "   comm-pid     [001] d..2. 44982.656093: sched_switch: prev_comm=…"; the name of a thread may hold blanks.
    if (line.starts_with('#')) return std::nullopt;
    const auto bracket = line.find("] ");
    if (bracket == std::string_view::npos) return std::nullopt;
    auto rest = line.substr(bracket + 2);
    const auto flags = rest.find(' ');
    if (flags == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(std::min(rest.find_first_not_of(' ', flags), rest.size()));
    const auto time_end = rest.find(": ");
    if (time_end == std::string_view::npos) return std::nullopt;
    const auto at = time_of(rest.substr(0, time_end));
    rest.remove_prefix(time_end + 2);
    const auto name_end = rest.find(": ");
    if (!at || name_end == std::string_view::npos) return std::nullopt;
    auto event = parse_event(rest.substr(0, name_end), rest.substr(name_end + 2));
    if (event) event->at_ns = *at;
    return event;
}

std::vector<std::string> culprits(const std::vector<TraceEvent>& events, std::int64_t deadline_ns, std::int64_t woke_ns,
                                  int self) {
    if (lacks_some(events, deadline_ns, woke_ns))
        return {"what had the CPU is lost: so much was traced that the buffer was full before it was read"};
    const auto tag = tag_of(self);
    if (const auto name = runs_at(events, deadline_ns, tag); !name.empty())
        return culprits_in_gap(events, deadline_ns, woke_ns, name, tag);
    const auto late = woke_ns - deadline_ns;
    Account account(deadline_ns, woke_ns);
    std::optional<std::int64_t> timer;
    std::size_t inside = 0;
    for (const auto& event : events) {
        if (event.at_ns > woke_ns) break;
        account.event(event);
        if (event.at_ns < deadline_ns) continue;
        ++inside;
        const bool began = event.kind == TraceEvent::Kind::Enter || event.kind == TraceEvent::Kind::Took;
        if (!timer && began && event.name == timer_interrupt) timer = event.at_ns - event.length_ns - deadline_ns;
    }
    std::vector<std::pair<std::int64_t, std::string>> longest;
    for (const auto& [name, share] : account.finish())
        if (!name.empty() && share.ns >= std::max<std::int64_t>(1000, late / 50) && !has_tag(name, tag))
            longest.emplace_back(share.ns, share_text(name, share, late));
    std::sort(longest.rbegin(), longest.rend());

    std::vector<std::string> words;
    for (auto& [ns, word] : longest)
        words.push_back(std::move(word));
    // A timer that comes late was kept back before anything could be traced.
    if (timer && *timer >= std::max<std::int64_t>(10'000, late / 10))
        words.push_back(fmt::format("the timer's interrupt came {} µs after the deadline", *timer / 1000));
    if (inside == 0)
        words.push_back(
            "nothing was traced between the deadline and the wake-up: the CPU itself stood still (firmware, "
            "hypervisor), or interrupts were off");
    return words;
}

std::optional<std::int64_t> unseen_ns(const std::vector<std::string>& words, std::int64_t gap_ns) {
    for (const auto& word : words) {
        const auto us = word.starts_with(unseen) ? number<std::int64_t>(std::string_view(word).substr(unseen.size()))
                                                 : std::nullopt;
        if (us) return *us == gap_ns / 1000 ? gap_ns : *us * 1000;
    }
    return std::nullopt;
}

} // namespace rtnode::latency
