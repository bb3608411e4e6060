#pragma once
// Owners of libsolv's C objects. Inside of plan/ only.

extern "C" {
#include <solv/pool.h>
#include <solv/poolarch.h>
#include <solv/queue.h>
#include <solv/repo.h>
#include <solv/solver.h>
#include <solv/transaction.h>
}

#include <cstdio>
#include <memory>

namespace rtnode::plan {

struct FreePool {
    void operator()(Pool* pool) const { pool_free(pool); }
};
struct FreeSolver {
    void operator()(Solver* solver) const { solver_free(solver); }
};
struct FreeTransaction {
    void operator()(Transaction* transaction) const { transaction_free(transaction); }
};
struct CloseFile {
    void operator()(FILE* file) const { std::fclose(file); }
};
using PoolHandle = std::unique_ptr<Pool, FreePool>;
using SolverHandle = std::unique_ptr<Solver, FreeSolver>;
using TransactionHandle = std::unique_ptr<Transaction, FreeTransaction>;
using FileHandle = std::unique_ptr<FILE, CloseFile>;

class SolvQueue {
  public:
    SolvQueue() { queue_init(&queue_); }
    ~SolvQueue() { queue_free(&queue_); }
    SolvQueue(const SolvQueue&) = delete;
    SolvQueue& operator=(const SolvQueue&) = delete;
    Queue* get() { return &queue_; }
    int size() const { return queue_.count; }
    Id operator[](int i) const { return queue_.elements[i]; }
    void push(Id how, Id what) { queue_push2(&queue_, how, what); }
    const Id* begin() const { return queue_.elements; }
    const Id* end() const { return queue_.elements + queue_.count; }

  private:
    Queue queue_{};
};

} // namespace rtnode::plan
