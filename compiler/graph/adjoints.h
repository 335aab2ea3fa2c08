/* adjoints.h: which gradients each node gets where several networks are updated by several losses at once, and by which of them each
 * gradient rule is applied.
 *
 * What a network is updated by is a weighed sum of losses, and a gradient is linear in the losses. So a node may have one adjoint for each
 * sum that wants one there, or one for each group of losses, of which the sums' adjoints are made when they are needed. A node gets
 * whichever are fewer:
 *
 *   by sums     one for each sum, where sums that are multiples of each other, as far as losses depend on the node, count once
 *   by losses   one for each loss, where losses that all sums weigh in the same proportion count once
 *
 * Losses have to be told apart by all readers of a node, or it gets adjoints by sums. From a reader to a node the rule is applied once for
 * each of the reader's adjoints that are needed, or for each combination of them that is needed, whichever are fewer; of as many, where the
 * combinations cost less. So a rule is never applied to a node more often than there are sums that want its gradient.
 *
 * No combination subtracts what an earlier one has added: losses are told apart, or each sum has its own. */
#ifndef ZOETROPE_ADJOINTS_H
#define ZOETROPE_ADJOINTS_H

#include "graph/differentiate.h"

/* One gradient of a node: that of Σ factor · loss. */
struct Adjoint {
    const double *factor; /* by loss; 0 where the loss does not depend on the node */
    int sum;              /* in scans, which are run backwards once for each sum: which one; else −1 */
    Node *value;          /* as far as its readers have been seen; NULL: none yet */
    bool one;             /* the node is a loss, and its gradient is 1: value is NULL */
    Parts parts;          /* gradients of slices of the node, which are no part of the value yet */
};

typedef struct NodeAdjoints {
    int count;
    Adjoint *list;
} NodeAdjoints;

/* What a rule gives one of its inputs is a term of this adjoint, times the factor. */
typedef struct Delivery {
    const Node *to;
    Adjoint *adjoint;
    double factor;
} Delivery;

/* A rule is applied to Σ factor · adjoint of the node's. */
typedef struct Application {
    double *factor; /* by number of the adjoint */
    int count, capacity;
    Delivery *delivery;
} Application;

typedef struct Applications {
    int count, capacity;
    Application *list;
} Applications;

/* Decides for all nodes. */
void choose_adjoints(Differentiation *d);
/* For one node, all of whose readers have been seen. */
Applications plan_applications(const Differentiation *d, const Node *node);
/* Σ factor · adjoint of the node's is the gradient of the sum with respect to it. False: it does not depend on it. */
bool express_sum(const Differentiation *d, int sum, const Node *node, double *factor);
/* The adjoint of a scan's node for this sum; NULL: none is wanted. */
Adjoint *adjoint_of_sum(const Differentiation *d, const Node *node, int sum);

#endif
