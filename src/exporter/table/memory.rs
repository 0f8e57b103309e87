//! Memory in use.

use super::{NOT_TOLD, OMITTED, ZEROS, count};
use crate::exporter::family::{Family, counter, gauge, unknown};
use crate::exporter::write::Number::Whole;

/// In the order of the exposition.
pub(super) static FAMILIES: &[Family] = &[
    gauge("container_memory_usage_bytes", "Current memory usage in bytes, including all memory regardless of when it was accessed")
        .from("memory.current; at the root memory.stat anon + file", "memory.usage_in_bytes")
        .group(|_, e| e.reading.memory.usage.map(Whole)),
    gauge("container_memory_working_set_bytes", "Current working set in bytes")
        .from("usage − memory.stat inactive_file, at least 0", "usage − memory.stat total_inactive_file, at least 0")
        .group(|_, e| e.reading.memory.working_set.map(Whole)),
    gauge("container_memory_rss", "Size of anonymous memory in bytes")
        .from("memory.stat anon", "memory.stat total_rss")
        .group(|_, e| e.reading.memory.rss.map(Whole)),
    gauge("container_memory_cache", "Number of bytes of page cache memory")
        .from("memory.stat file", "memory.stat total_cache")
        .group(|_, e| e.reading.memory.cache.map(Whole)),
    gauge("container_memory_mapped_file", "Size of memory mapped files in bytes")
        .from("memory.stat file_mapped", "memory.stat total_mapped_file")
        .group(|_, e| e.reading.memory.mapped_file.map(Whole)),
    gauge("container_memory_swap", "Container swap usage in bytes")
        .from(
            "memory.swap.current; at the root SwapTotal − SwapFree of /proc/meminfo",
            "memory.stat total_swap",
        )
        .differs(OMITTED)
        .compat(ZEROS)
        .group(|host, e| {
            let root = host.swap_used_bytes.filter(|_| e.path == "/" && e.reading.memory.rss.is_some());
            e.reading.memory.swap.or(root).map(Whole)
        }),
    gauge("container_memory_kernel_usage", "Size of kernel memory allocated in bytes")
        .from("memory.stat kernel (Linux 5.18)", "memory.kmem.usage_in_bytes")
        .differs("read on v2 too; cAdvisor prints 0 there")
        .compat(ZEROS)
        .group(|_, e| e.reading.memory.kernel.map(Whole)),
    gauge("container_memory_max_usage_bytes", "Maximum memory usage recorded in bytes")
        .from("memory.peak (Linux 5.19)", "memory.max_usage_in_bytes")
        .differs(OMITTED)
        .compat(ZEROS)
        .group(|_, e| e.reading.memory.max_usage.map(Whole)),
    unknown("container_memory_failcnt", "Number of memory usage hits limits")
        .from("memory.events max", "memory.failcnt")
        .differs("read on v2 too, where cAdvisor prints 0; untyped, as a counter's name must end in _total")
        .compat(ZEROS)
        .group(|_, e| e.reading.memory.failcnt.map(Whole)),
    gauge("container_memory_total_active_anon_bytes", "Current total active anonymous memory in bytes")
        .from("memory.stat active_anon", "memory.stat total_active_anon")
        .group(|_, e| count(e.reading.memory.active_anon)),
    gauge("container_memory_total_inactive_anon_bytes", "Current total inactive anonymous memory in bytes")
        .from("memory.stat inactive_anon", "memory.stat total_inactive_anon")
        .group(|_, e| count(e.reading.memory.inactive_anon)),
    gauge("container_memory_anon_hugepages_bytes", "Anonymous memory in transparent huge pages in bytes")
        .from("memory.stat anon_thp", "memory.stat total_rss_huge")
        .differs(OMITTED)
        .compat(ZEROS)
        .group(|_, e| count(e.reading.memory.anon_huge)),
    gauge("container_memory_total_active_file_bytes", "Current total active file in bytes")
        .from("memory.stat active_file", "memory.stat total_active_file")
        .group(|_, e| e.reading.memory.active_file.map(Whole)),
    gauge("container_memory_total_inactive_file_bytes", "Current total inactive file in bytes")
        .from("memory.stat inactive_file", "memory.stat total_inactive_file")
        .group(|_, e| e.reading.memory.inactive_file.map(Whole)),
    counter("container_memory_failures_total", "Cumulative count of memory allocation failures")
        .from("memory.stat pgfault, pgmajfault", "memory.stat pgfault, pgmajfault, for the hierarchy their total_")
        .differs("scope=\"hierarchy\" covers the subtree on v1; cAdvisor repeats the cgroup's own number. On v2 both are the subtree's, as there is no other")
        .compat("scope=\"hierarchy\" repeats the cgroup's own number on v1")
        .labelled("failure_type, scope", &[
            ("failure_type=\"pgfault\",scope=\"container\"", |e| e.reading.memory.own_page_faults.map(Whole)),
            ("failure_type=\"pgfault\",scope=\"hierarchy\"", |e| e.reading.memory.page_faults.map(Whole)),
            ("failure_type=\"pgmajfault\",scope=\"container\"", |e| e.reading.memory.own_major_page_faults.map(Whole)),
            ("failure_type=\"pgmajfault\",scope=\"hierarchy\"", |e| e.reading.memory.major_page_faults.map(Whole)),
        ]),
    counter("container_memory_events_high_total", "How often the container was slowed down above memory.high")
        .from("memory.events high", NOT_TOLD)
        .differs(OMITTED)
        .compat(ZEROS)
        .group(|_, e| count(e.reading.memory.high_events)),
    counter("container_memory_events_max_total", "How often the container was about to pass memory.max")
        .from("memory.events max", NOT_TOLD)
        .differs(OMITTED)
        .compat(ZEROS)
        .group(|_, e| count(e.reading.memory.max_events)),
    gauge("container_memory_file_dirty_bytes", "Page cache that was changed and is not yet written back, in bytes")
        .from("memory.stat file_dirty", "memory.stat total_dirty")
        .differs(V1_TOO)
        .compat(ZEROS)
        .group(|_, e| count(e.reading.memory.file_dirty)),
    gauge("container_memory_file_writeback_bytes", "Page cache that is being written back, in bytes")
        .from("memory.stat file_writeback", "memory.stat total_writeback")
        .differs(V1_TOO)
        .compat(ZEROS)
        .group(|_, e| count(e.reading.memory.file_writeback)),
    counter("container_memory_pgscan_total", "Pages that reclaim has looked at")
        .from("memory.stat pgscan", NOT_TOLD)
        .differs(OMITTED)
        .compat(ZEROS)
        .group(|_, e| count(e.reading.memory.pages_scanned)),
    counter("container_memory_pgsteal_total", "Pages that reclaim has taken")
        .from("memory.stat pgsteal", NOT_TOLD)
        .differs(OMITTED)
        .compat(ZEROS)
        .group(|_, e| count(e.reading.memory.pages_reclaimed)),
    counter("container_memory_workingset_refault_file_total", "Pages of files that were read again after reclaim had taken them")
        .from("memory.stat workingset_refault_file", "memory.stat total_workingset_refault_file")
        .differs(V1_TOO)
        .compat(ZEROS)
        .group(|_, e| count(e.reading.memory.refaulted_file)),
    counter("container_memory_workingset_refault_anon_total", "Anonymous pages that were swapped in again after reclaim had taken them")
        .from("memory.stat workingset_refault_anon", "memory.stat total_workingset_refault_anon")
        .differs(V1_TOO)
        .compat(ZEROS)
        .group(|_, e| count(e.reading.memory.refaulted_anon)),
];

const V1_TOO: &str =
    "read on v1 too, where cAdvisor prints 0; left out where the kernel does not tell";
