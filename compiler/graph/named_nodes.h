/* named_nodes.h: names for nodes by their role: inputs, outputs, losses, and where programs may be cut. */
#ifndef ZOETROPE_NAMED_NODES_H
#define ZOETROPE_NAMED_NODES_H

#include <stdbool.h>

typedef struct Node Node;
typedef struct Graph Graph;

typedef enum {
    ROLE_INPUT,  /* the caller gives it */
    ROLE_OUTPUT, /* the caller gets it */
    ROLE_LOSS,   /* a scalar; the caller gets it */
    ROLE_CUT,    /* after it one program may end and the next begin */
    ROLES
} Role;

/* Where an input comes from. */
typedef enum {
    DRAWN_NOT,     /* the caller has it */
    DRAWN_NORMAL,  /* N(0, 1) */
    DRAWN_UNIFORM, /* in [low, high) */
    DRAWN_FACTORS  /* of dropout: 0 with probability `low`, else 1 / (1 − low) */
} Drawn;

/* What a caller knows of an input or output: see runtime/model.h's ModelArgument, whose fields these are. */
typedef struct Argument {
    const char *name; /* a C identifier, perhaps with dots */
    int rank;
    long shape[8];
    int items; /* the dimension that counts the items of a batch; −1: none does */
    bool channels_first;
    Drawn drawn;
    double low, high;
} Argument;

typedef struct NamedNode {
    const char *name;
    Node *node;
    Argument argument; /* of inputs and outputs: the name, and the node's shape where whoever named it said no more */
} NamedNode;

typedef struct NamedNodes {
    int count, capacity;
    NamedNode *entry; /* in the order in which they were named */
} NamedNodes;

/* A name stands for one node in each role. The result is good until the next node is named. */
NamedNode *name_node(Graph *graph, Role role, const char *name, Node *node);
Node *named_node(const Graph *graph, Role role, const char *name);      /* NULL: none has this name */
const char *name_of(const Graph *graph, Role role, const Node *node);   /* NULL: it has none in this role */
void copy_names(Graph *to, const Graph *from, Node *const *stands_for); /* `stands_for`: by id in `from` */

#endif
