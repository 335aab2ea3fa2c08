/* cgroup.h: how much processor time may this process have? */
#ifndef ZOETROPE_CGROUP_H
#define ZOETROPE_CGROUP_H

/* The least quota of the process's own cgroup and those above it, in processors (1.5: one and a half), of version 1 and 2; 0: none.
 * *file: which states it, for the caller to free; NULL: none. `root` stands before /proc and the folders of cgroups: "", but in tests. */
double cgroup_quota(const char *root, char **file);

#endif
