#pragma once

#include "bus/authority.hpp"
#include "bus/guard.hpp"
#include "bus/options.hpp"
#include "jobs/queue.hpp"

#include "Job-adaptor.hpp"

namespace rtnode::bus {

class JobObject final : public sdbus::AdaptorInterfaces<org::rtnode1::Job_adaptor, sdbus::Properties_adaptor,
                                                        sdbus::ManagedObject_adaptor> {
  public:
    static std::string path_of(std::uint32_t id);

    JobObject(sdbus::IConnection& connection, EventLoop& loop, jobs::Queue& queue, Authority& authority,
              std::uint32_t id);
    ~JobObject();

    void changed();  ///< state, error, result; answers those who wait
    void progress(); ///< percent, step; signalled at most four times a second

  private:
    using WaitReply = Reply<std::string, Dictionary>;

    void Cancel(sdbus::Result<>&& result) override;
    void Wait(sdbus::Result<std::string, Dictionary>&& result) override;
    std::tuple<std::vector<std::string>, std::uint64_t> GetLog(const std::uint64_t& from) override;

    std::uint32_t Id() override { return id_; }
    std::string Kind() override;
    std::string Caller() override;
    std::uint64_t Created() override;
    std::uint64_t Ended() override;
    std::string State() override;
    std::uint32_t Percent() override;
    std::string Step() override;
    std::string ErrorName() override;
    std::string ErrorMessage() override;
    Dictionary Result() override;

    const jobs::Job& job() const;
    void answer(const WaitReply& reply) const;

    EventLoop& loop_;
    jobs::Queue& queue_;
    Authority& authority_;
    std::uint32_t id_;
    std::vector<WaitReply> waiting_;
    EventLoop::Source progress_timer_;
    bool progress_due_ = false;
};

} // namespace rtnode::bus
