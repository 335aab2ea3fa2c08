/* cgroup.h: how much processor time may this process use? */
#ifndef ZOETROPE_CGROUP_H
#define ZOETROPE_CGROUP_H

/* The smallest quota of the process's own cgroup and those above it, in processors (such as 1.5), for version 1 and 2; 0: none. *file: the
 * file that sets it, which the caller frees; NULL: none. `root` is put before /proc and the folders of cgroups: "", except in tests. */
double cgroup_quota(const char *root, char **file);

#endif
