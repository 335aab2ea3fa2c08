/* named_nodes.h: names for nodes by their role: inputs, outputs, losses, and where programs may be cut. */
#ifndef ZOETROPE_NAMED_NODES_H
#define ZOETROPE_NAMED_NODES_H

typedef struct Node Node;
typedef struct Graph Graph;

typedef enum {
    ROLE_INPUT,  /* the caller gives it */
    ROLE_OUTPUT, /* the caller gets it */
    ROLE_LOSS,   /* a scalar; the caller gets it */
    ROLE_CUT,    /* after it one program may end and the next begin */
    ROLES
} Role;

typedef struct NamedNode {
    const char *name;
    Node *node;
} NamedNode;

typedef struct NamedNodes {
    int count, capacity;
    NamedNode *entry; /* in the order in which they were named */
} NamedNodes;

/* A name stands for one node in each role. */
void name_node(Graph *graph, Role role, const char *name, Node *node);
Node *named_node(const Graph *graph, Role role, const char *name);      /* NULL: none has this name */
const char *name_of(const Graph *graph, Role role, const Node *node);   /* NULL: it has none in this role */
void copy_names(Graph *to, const Graph *from, Node *const *stands_for); /* `stands_for`: by id in `from` */

#endif
