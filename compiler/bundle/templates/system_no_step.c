/* There is no step(): @name@.h says why. */
