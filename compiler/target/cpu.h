/* cpu.h: the name of this CPU. */
#ifndef ZOETROPE_CPU_H
#define ZOETROPE_CPU_H

const char *cpu_name(void);  /* zen4, sapphire_rapids, x86_family6_model200, aarch64, …: for the name of a file */
const char *cpu_brand(void); /* the CPU's own name for itself; "" if it has none */

#endif
