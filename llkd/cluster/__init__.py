"""Work on a Ray cluster: a process that speaks to it, its workers, and how they are told apart.

Ray is imported in a process of its own (``cluster.driver``) and in the workers, never in the job's:
a head node that goes ends the process that is connected to it, and a job has to say so.
"""
