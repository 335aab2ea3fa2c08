/* test_data.h: shared by the files of the data suite. */
#ifndef ZOETROPE_TEST_DATA_H
#define ZOETROPE_TEST_DATA_H

#include <check.h>

#include "data/dataset.h"

/* Fails unless both give the same pixels, frame by frame in order, and clip by clip at random. */
void compare_datasets(const Dataset *one, const Dataset *two);

TCase *dataset_files_case(void);
TCase *dataset_broken_case(void);

#endif
