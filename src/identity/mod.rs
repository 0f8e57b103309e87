//! Who a cgroup is: which runtime made it, and what that runtime calls it.
