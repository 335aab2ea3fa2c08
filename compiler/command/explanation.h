/* explanation.h: what the files of explain share; nothing else includes it. explain.c gathers and prints what all specs have,
 * explain_rows.c makes the rows and counts their work, explain_system.c prints the tables of a system. */
#ifndef ZOETROPE_EXPLANATION_H
#define ZOETROPE_EXPLANATION_H

#include "command/explain.h"
#include "command/table.h"
#include "spec/system.h"

enum { TERMINAL = 100 }; /* columns of lines that are wrapped */

typedef enum { PRODUCT_FORWARD, PRODUCT_DATA, PRODUCT_WEIGHT, PRODUCT_KINDS } ProductKind;

typedef struct Work {            /* of one call of a program */
    int products[PRODUCT_KINDS]; /* convolutions and linear layers, computed again ones too; gradients of data; gradients of weights */
    double forward;              /* FLOPs of convolutions and linear layers, a multiply-add being 2 */
    double backward; /* the same of what follows the losses: gradients of data and of weights; and what is computed again for them */
    double others;   /* FLOPs of all else */
    double bytes;    /* compulsory traffic: every tensor that a kernel touches, once */
} Work;

typedef struct Row {
    const char *key;  /* Node.layer of what is counted here: encoder1, encoder.1, loss */
    const char *name; /* as it is shown */
    int network;      /* its number in a system; −1: it is of none */
    const Node *first;
    Text operations;
    const char *shapes;          /* "in → out", or "" */
    long parameters, statistics; /* elements */
    Work *work;                  /* by number of the program */
} Row;

struct Explanation {
    const Model *model;
    int program_count;   /* the steps, the evaluation, the search if there is one */
    const Graph **graph; /* of each */
    int count, capacity;
    Row *row;            /* layers, then what is no layer */
    const Target *first; /* the target whose kernels are counted; NULL: no target so far */
    Text memory;         /* lines, two for each target */
    Text trades;         /* what --max-ram made of each */
    bool keeps;          /* its steps leave values for later ones */
    bool again;          /* the first target computes something again */
};

/* ---- explain_rows.c ---- */

void add_model_rows(Explanation *explanation);
void add_system_rows(Explanation *explanation);
Row *find_row(const Explanation *explanation, const char *key); /* NULL: there is none */
void count_work(Explanation *explanation, const TargetCode *code);
void add_work(Work *sum, const Work *work, double times);
Row add_up(const Explanation *explanation);
const char *plural(long count, const char *noun); /* "1 frame", "4 frames" */
const char *count_text(long count);               /* "4,537,480", "-" */
const char *shape_text(Shape shape);              /* "32×4×64×64": channels, frames where there are some, height, width; "100" */

/* ---- explain_system.c ---- */

void print_system(FILE *out, const Explanation *explanation);
void print_system_legend(FILE *out, const Explanation *explanation);

#endif
