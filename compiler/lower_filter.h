/* lower_filter.h: convolutions by minimal filtering: fewer multiplications than one for each tap, for additions on inputs and outputs. */
#ifndef ZOETROPE_LOWER_FILTER_H
#define ZOETROPE_LOWER_FILTER_H

#include "filters.h"

/* False, and nothing is done, where the layout of the input does not allow it. */
bool lower_filtered(Lowering *l, Node *node, const FilterPlan *plan);

/* Σ coefficient[i] · value[i], by additions and subtractions where that is all there is. Values of coefficient 0 are not looked at. */
const Expression *combine(int count, const double *coefficient, const Expression *const *value);
/* column[x] = Σ y < rows  coefficient[y] · tile[y][x], for each x < columns. Combined in turn, they are a tile's both dimensions. */
void combine_rows(int rows, int columns, const double *coefficient, const Expression *const tile[][FILTER_SIZE], const Expression **column);
/* The register tile: how many of `vectors` vectors side by side, rather more of them where `wide`, and by how many values of the other
 * operand at most. */
long choose_vectors(KernelChoice *choice, long vectors, bool wide);
long tile_values(const Target *target, long vectors);

#endif
