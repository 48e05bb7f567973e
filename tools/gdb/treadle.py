"""Prints what thread_pool::dump prints, from a core file or a stopped process: what each worker runs or waits for, and
what the pool is at.

In gdb: `source treadle.py`, then `treadle-dump POOL`, where POOL is an expression: a thread_pool, a pointer or a
reference to one. The program and the library need debug information; the process is not run for it.
"""
import gdb

# The words of the library that are packed: sync_word.hpp, site_word.hpp, sign.hpp, worker_list.hpp.
COUNT_BITS, SEARCHING_BIT, LIFE_SHIFT = 14, 42, 44
LIVES = ("running", "draining", "cancelling", "stopped")
ADDRESS_BITS, NO_LINE = 48, 0xffff
ACTIVITIES = ("gone", "awake", "parked", "in_branch")
LIVE_RECORD = 2
LONGEST_NAME = 200


def atomic(value):
    """What a std::atomic holds, whatever the standard library calls the member."""
    fields = value.type.strip_typedefs().fields()
    for field in fields:
        if field.is_base_class or field.name in ("_M_b", "_M_base", "_M_i", "_M_p"):
            inner = value[field]
            return atomic(inner) if inner.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT else inner
    raise gdb.GdbError("this is no std::atomic: %s" % value.type)


def number(value):
    return int(atomic(value))


def site_text(word):
    """`file:line`, the address of a function, or that it is not known."""
    if word == 0:
        return "?"
    address, line = word & ((1 << ADDRESS_BITS) - 1), word >> ADDRESS_BITS
    if line == 0:
        return "callback=%#x" % address
    try:
        name = gdb.Value(address).cast(gdb.lookup_type("char").pointer()).string(length=-1)[:LONGEST_NAME]
    except gdb.error:
        return "?"
    return name if line == NO_LINE else "%s:%d" % (name, line)


def enumerator(type_name, value):
    """The name of a value of an enumeration."""
    for field in gdb.lookup_type(type_name).fields():
        if field.enumval == value:
            return field.name.rpartition("::")[2]
    return str(value)


def pool_core(expression):
    try:
        value = gdb.parse_and_eval(expression)
        if value.type.strip_typedefs().code in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_REF):
            value = value.referenced_value()
        return value["core_"]
    except gdb.error:
        raise gdb.GdbError("%s is no treadle::thread_pool" % expression)


def print_pool(core):
    word = number(core["sync_"]["word_"])
    active, idle, total = (word >> shift & ((1 << COUNT_BITS) - 1) for shift in (0, COUNT_BITS, 2 * COUNT_BITS))
    name = core["config_"]["name"]
    print("pool %#x name=%s state=%s width=%d limit=%d threads=%d active=%d parked=%d blocked=%d searching=%d" %
          (int(core.address), name.string() if int(name) != 0 else "treadle", LIVES[word >> LIFE_SHIFT & 3],
           int(core["limits_"]["width"]), int(core["limits_"]["limit"]), total, active, idle, total - active - idle,
           word >> SEARCHING_BIT & 1))


def print_worker(worker, newest_ns):
    face, count = worker["face"], worker["count"]
    ran = number(count["ran"])
    running = number(count["started"]) - ran
    does = ACTIVITIES[number(worker["doing"]) & 3]
    blocked = number(face["blocked"]["head_"]) & 0xff
    text = "worker %d" % int(worker["index"])
    if number(worker["state"]) != LIVE_RECORD or does == "gone":
        text += " gone"
    elif blocked != 0:
        text += " blocked in=%s" % enumerator("treadle::detail::wait_kind", blocked)
        site = number(face["blocked"]["site_"])
        text += " of=%s" % site_text(site) if site != 0 else ""
    elif does == "in_branch":
        text += " runs stolen_fork"
    elif running == 0:
        text += " parked" if does == "parked" else " searches"
    if running != 0:
        text += " runs %s" % site_text(number(face["runs"]))
        if running > 1:
            text += " depth=%d" % running
    # Not from now, which a core file does not know: from the last look at the clock of any worker.
    text += " stamped=%.3fs_before" % ((newest_ns - number(face["stamped_ns"])) / 1e9)
    print("%s ran=%d thread=%d" % (text, ran, number(face["thread_number"])))


class TreadleDump(gdb.Command):
    """treadle-dump POOL: what each worker of a treadle::thread_pool runs or waits for."""

    def __init__(self):
        super().__init__("treadle-dump", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("treadle-dump needs a pool: an expression that is a treadle::thread_pool")
        core = pool_core(argument)
        print_pool(core)
        record = gdb.lookup_type("treadle::detail::pool_record").pointer()
        table, count = core["workers_"]["table_"], number(core["workers_"]["count_"])
        workers = [atomic(table[i]) for i in range(count)]
        workers = [each.cast(record).dereference() for each in workers if int(each) != 0]
        newest_ns = max((number(each["face"]["stamped_ns"]) for each in workers), default=0)
        for each in workers:
            print_worker(each, newest_ns)
        print("end")


TreadleDump()
